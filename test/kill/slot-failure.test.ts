/**
 * What ends a slot or its user code without ending the process: the job is restarted in the same process and its output
 * is exact, or it fails with the right code.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { JobHistory } from './job-history.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { RunEvent } from './run-event.ts'

/** Event time of a record in the middle of the generator's. */
const MIDDLE = 30_000
const NO_CHECKPOINTS_YET = { 'execution.checkpointing.interval': '1 h' }

interface FailureCase {
  readonly kind: Misbehaviour['kind']
  readonly code: string
  readonly configuration?: Readonly<Record<string, string>>
}

const CASES: readonly FailureCase[] = [
  { kind: 'throw', code: 'USER_FUNCTION_FAILED' },
  { kind: 'exit', code: 'SLOT_LOST' },
  { kind: 'uncaught', code: 'SLOT_LOST' },
  { kind: 'reject', code: 'SLOT_LOST' },
  { kind: 'hoard', code: 'SLOT_OUT_OF_MEMORY', configuration: { 'taskmanager.memory.task.heap.size': '48 mb' } },
  { kind: 'loop', code: 'SLOT_HEARTBEAT_TIMEOUT', configuration: { 'heartbeat.timeout': '5 s' } },
]

for (const parallelism of [1, 2]) {
  for (const { kind, code, configuration = {} } of CASES) {
    test(`${kind} once, parallelism ${parallelism}: the job is restarted, its output is exact`, async (t) => {
      const history = await newHistory(t)
      const process = history.start({
        parallelism,
        configuration,
        params: { misbehaviour: misbehaviour(history, kind) },
      })
      const { outcome } = await process.ended
      assert.equal(outcome?.state, 'FINISHED', `${process.story()}`)
      const failures = failuresOf(process.events)
      // On a busy machine a slot may be taken for hanging though it only waits for the processor.
      assert.deepEqual(kind === 'loop' ? [...new Set(failures)] : failures, [`${code} restarts`], process.story())
      // A checkpoint that was given up with its attempt may have left files: the next start removes them.
      await history.finish({ parallelism })
    })
  }
}

for (const { kind, code: codeOfOne, configuration = {} } of CASES) {
  test(`${kind} twice without a checkpoint in between fails the job`, async (t) => {
    const history = await newHistory(t)
    const process = history.start({
      configuration: { ...NO_CHECKPOINTS_YET, ...configuration },
      params: { misbehaviour: { ...misbehaviour(history, kind), marker: null } },
    })
    const { code, outcome } = await process.ended
    assert.equal(`${code} ${outcome?.state} ${outcome?.code}`, '1 FAILED REPEATED_FAILURE', process.story())
    assert.equal(outcome?.attempts, 2, process.story())
    assert.deepEqual(failuresOf(process.events), [`${codeOfOne} restarts`, `${codeOfOne} ends`], process.story())
    const message = outcome?.message ?? ''
    if (kind === 'hoard' || kind === 'loop') return
    assert.match(message, /misbehaviour\.ts/, 'it names the line of the user')
    if (codeOfOne === 'SLOT_LOST') assert.match(message, /misbehave.*\(1\/1\)/, 'it names the tasks of the slot')
  })
}

test('with restart-strategy none an exception fails the job; a resume with the fault repaired is exact', async (t) => {
  const history = await newHistory(t)
  const process = history.start({
    configuration: { 'restart-strategy.type': 'none' },
    params: { misbehaviour: { ...misbehaviour(history, 'throw'), marker: null } },
  })
  const { code, outcome } = await process.ended
  assert.equal(`${code} ${outcome?.state}`, '1 FAILED', process.story())
  assert.deepEqual([outcome?.code, outcome?.attempts], ['USER_FUNCTION_FAILED', 1], process.story())
  assert.match(outcome?.message ?? '', /a fault of the job on purpose/, 'the cause is told')
  history.checkVisible()
  await history.finish()
})

async function newHistory(t: TestContext): Promise<JobHistory> {
  const history = await JobHistory.create()
  t.after(() => history.dispose())
  return history
}

function misbehaviour(history: JobHistory, kind: Misbehaviour['kind']): Misbehaviour {
  return { kind, at: MIDDLE, marker: join(history.folder, 'has-happened') }
}

function failuresOf(events: readonly RunEvent[]): string[] {
  return events.flatMap((event) =>
    event.event === 'failure' ? [`${event.code} ${event.restarts ? 'restarts' : 'ends'}`] : [],
  )
}
