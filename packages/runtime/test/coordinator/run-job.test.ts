import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { CoordinatorObserver } from '../../src/coordinator/coordinator-ports.ts'
import { type RunningJob, runJob } from '../../src/coordinator/run-job.ts'

/** In a folder of its own; ended with the test. */
async function start(
  t: TestContext,
  configuration: Readonly<Record<string, string>> = {},
  observer: Partial<CoordinatorObserver> = {},
): Promise<RunningJob> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-run-job-'))
  const job = runJob({
    bundlePath: join(import.meta.dirname, 'counting.job.ts'),
    params: {},
    configuration: { 'execution.checkpointing.dir': folder, ...configuration },
    restore: { kind: 'none' },
    observer,
  })
  t.after(async () => {
    job.cancel()
    await job.outcome
    await rm(folder, { recursive: true, force: true })
  })
  return job
}

for (const [ending, endState, state] of [
  ['stop', undefined, 'CANCELED'],
  ['cancel', undefined, 'CANCELED'],
  ['stop', 'SUSPENDED', 'SUSPENDED'],
  ['cancel', 'SUSPENDED', 'SUSPENDED'],
] as const) {
  test(`${ending} while the job is still loaded ends it, ${state}`, async (t) => {
    const job = await start(t)
    job[ending](endState)
    const outcome = await job.outcome
    assert.deepEqual([outcome.state, outcome.error], [state, undefined])
    assert.equal(await job.accepted, false)
  })
}

test('a start is accepted when it fits what it finds, and can be asked about from then on', async (t) => {
  const states: string[] = []
  const job = await start(t, {}, { onState: (state) => void states.push(state) })
  assert.equal(await job.accepted, true)
  assert.deepEqual(states, ['INITIALIZING'])
  assert.equal(job.history()?.state, 'INITIALIZING')
  assert.equal(job.description()?.plan.jobName, 'counting')
})

test('a start that is refused was never accepted', async (t) => {
  const job = await start(t, { 'taskmanager.numberOfTaskSlots': '1', 'parallelism.default': '2' })
  assert.equal(await job.accepted, false)
  assert.equal((await job.outcome).error?.code, 'CONFIG_INVALID_VALUE')
})
