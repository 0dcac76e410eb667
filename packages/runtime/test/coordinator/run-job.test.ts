import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runJob } from '../../src/coordinator/run-job.ts'

for (const ending of ['stop', 'cancel'] as const) {
  test(`${ending} while the job is still loaded ends it`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-run-job-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const job = runJob({
      bundlePath: join(import.meta.dirname, 'counting.job.ts'),
      params: {},
      configuration: { 'execution.checkpointing.dir': folder },
      restore: { kind: 'none' },
    })
    job[ending]()
    const { state, error } = await job.outcome
    assert.equal(state, 'CANCELED')
    assert.equal(error, undefined)
  })
}
