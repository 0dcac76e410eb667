/** A job whose code does not return, and a user who wants it to end. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { RunningJob } from '../../src/coordinator/run-job.ts'
import { threadJobs } from './thread-job.ts'

const { startText } = threadJobs()

const hangingIn = (code: string): string => `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { collect, defineJob, generator } from '@millrace/api'
export default defineJob({
  name: 'hanging',
  build(env) {
    env.from(generator({ records: 1, generate: (n) => n }), { uid: 'numbers' })
      .map((n) => { ${code}; return n }, { uid: 'map' })
      .to(collect('out'), { uid: 'out' })
  },
})`

const hasFile = async (path: string): Promise<void> => {
  while (!existsSync(path)) await setImmediate()
}

function interruptTwice(job: RunningJob): void {
  job.stop()
  job.cancel()
}

describe('a slot that hangs', () => {
  it('in a loop is ended at the second interrupt, and the folder is free', async () => {
    const { job, checkpointFolder } = await startText(
      hangingIn(`writeFileSync(new URL('mark', import.meta.url), ''); for (;;) {}`),
    )
    await hasFile(join(checkpointFolder, '..', 'mark'))
    interruptTwice(job)
    const { state, isStuck, error } = await job.outcome
    assert.deepEqual([state, isStuck, error], ['CANCELED', false, undefined])
    assert.equal(existsSync(join(checkpointFolder, 'LOCK')), false)
  })

  it('in a system call cannot be ended: the outcome says so, and the folder stays locked', async (t) => {
    if (process.platform === 'win32') return t.skip('there are no named pipes in the file system')
    const { job, checkpointFolder } = await startText(
      hangingIn(`const pipe = new URL('pipe', import.meta.url)
        while (!existsSync(pipe)) {}
        writeFileSync(new URL('mark', import.meta.url), '')
        readFileSync(pipe)`),
    )
    const pipe = join(checkpointFolder, '..', 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    await hasFile(join(checkpointFolder, '..', 'mark'))
    try {
      interruptTwice(job)
      const { state, isStuck } = await job.outcome
      assert.deepEqual([state, isStuck], ['CANCELED', true])
      assert.equal(existsSync(join(checkpointFolder, 'LOCK')), true)
    } finally {
      // The call returns, and with it the thread ends.
      await (await open(pipe, 'r+')).close()
    }
  })
})
