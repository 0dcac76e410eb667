import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SubtaskMeasures } from '../../src/checkpoint/checkpoint-statistics.ts'
import { decideCheckpoint } from '../../src/checkpoint/checkpoint-tracker.ts'
import { FINAL_RETRY_DELAY_MS } from '../../src/checkpoint/tracker-draft.ts'
import {
  checkpointStatistics,
  createTrackerState,
  nextDeadlineMs,
  type TaskRef,
  type TrackerAction,
  type TrackerConfig,
  type TrackerEvent,
} from '../../src/checkpoint/tracker-state.ts'

const CONFIG: TrackerConfig = {
  intervalMs: 1_000,
  minPauseMs: 0,
  timeoutMs: 5_000,
  maxConcurrent: 1,
  tolerableFailures: 0,
}

const TASKS: readonly TaskRef[] = [
  { vertexId: 'a', subtask: 0 },
  { vertexId: 'a', subtask: 1 },
  { vertexId: 'b', subtask: 0 },
]

const MEASURES: SubtaskMeasures = {
  syncDurationMs: 1,
  asyncDurationMs: 2,
  alignmentDurationMs: 3,
  startDelayMs: 4,
  processedBytes: 5,
  persistedBytes: 0,
  checkpointedBytes: 10,
  stateBytes: 100,
}

/** Drives the reducer with a clock that a test moves. */
class Driver {
  state
  nowMs = 0
  /** By how much the wall clock is off. */
  clockErrorMs = 0

  constructor(config: Partial<TrackerConfig> = {}) {
    this.state = createTrackerState({ ...CONFIG, ...config }, 1)
  }

  at(nowMs: number, event: TrackerEvent = { kind: 'time' }): readonly TrackerAction[] {
    this.nowMs = nowMs
    const { state, actions } = decideCheckpoint(this.state, event, {
      steadyMs: nowMs,
      epochMs: nowMs + this.clockErrorMs,
    })
    this.state = state
    return actions
  }

  acknowledgeAll(nowMs: number, checkpointId: number): readonly TrackerAction[] {
    return TASKS.flatMap((task) => this.at(nowMs, { kind: 'acknowledged', checkpointId, task, measures: MEASURES }))
  }

  /** From trigger to complete. */
  finish(nowMs: number, checkpointId: number): readonly TrackerAction[] {
    this.acknowledgeAll(nowMs, checkpointId)
    return this.at(nowMs, { kind: 'stored', checkpointId, externalPath: `chk-${checkpointId}` })
  }

  static running(config: Partial<TrackerConfig> = {}): Driver {
    const driver = new Driver(config)
    driver.at(0, { kind: 'tasks-running', tasks: TASKS })
    return driver
  }
}

const kinds = (actions: readonly TrackerAction[]): string[] => actions.map((action) => action.kind)
const request = (requestId: string, thenStop = false): TrackerEvent => ({
  kind: 'requested',
  request: { requestId, snapshotKind: 'savepoint', thenStop, drain: false },
})

test('nothing is triggered before all tasks run; then one interval later', () => {
  const driver = new Driver()
  assert.deepEqual(driver.at(10_000), [])
  assert.equal(nextDeadlineMs(driver.state), undefined)
  assert.deepEqual(driver.at(10_000, { kind: 'tasks-running', tasks: TASKS }), [])
  assert.equal(nextDeadlineMs(driver.state), 11_000)
  assert.deepEqual(driver.at(10_999), [])
  assert.deepEqual(driver.at(11_000), [
    { kind: 'trigger', checkpointId: 1, snapshotKind: 'checkpoint', triggeredAtMs: 11_000, isFinal: false },
  ])
})

test('a jump of the wall clock moves neither interval nor timeout', () => {
  const driver = Driver.running()
  driver.clockErrorMs = -3_600_000
  assert.deepEqual(kinds(driver.at(1_000)), ['trigger'])
  driver.clockErrorMs = 3_600_000
  assert.deepEqual(driver.at(5_999), [])
  assert.equal(nextDeadlineMs(driver.state), 6_000)
  assert.deepEqual(kinds(driver.at(6_000)), ['abort', 'fail-job'])
  assert.equal(checkpointStatistics(driver.state).history[0]?.endToEndDurationMs, 5_000)
})

test('stored when all have acknowledged, complete when stored', () => {
  const driver = Driver.running()
  driver.at(1_000)
  assert.deepEqual(driver.acknowledgeAll(1_040, 1), [{ kind: 'store', checkpointId: 1, isFinal: false }])
  assert.deepEqual(driver.at(1_050, { kind: 'stored', checkpointId: 1, externalPath: 'chk-1' }), [
    { kind: 'complete', checkpointId: 1, snapshotKind: 'checkpoint', isFinal: false, thenStop: false },
  ])
  const { counts, latest, history, summary } = checkpointStatistics(driver.state)
  assert.deepEqual(counts, { restored: 0, total: 1, inProgress: 0, completed: 1, failed: 0 })
  assert.equal(history.length, 1)
  assert.equal(latest.completed?.endToEndDurationMs, 40)
  assert.equal(latest.completed?.stateBytes, 300)
  assert.equal(latest.completed?.externalPath, 'chk-1')
  assert.equal(latest.completed?.vertices[0]?.subtasks[1]?.alignmentDurationMs, 3)
  assert.equal(summary.checkpointedBytes.max, 30)
})

test('answers twice, of unknown tasks or for given-up checkpoints do not count', () => {
  const driver = Driver.running()
  driver.at(1_000)
  const [first] = TASKS as [TaskRef]
  for (const task of [first, first, { vertexId: 'x', subtask: 0 }, { vertexId: 'a', subtask: 7 }]) {
    assert.deepEqual(driver.at(1_001, { kind: 'acknowledged', checkpointId: 1, task, measures: MEASURES }), [])
  }
  assert.equal(checkpointStatistics(driver.state).history[0]?.acknowledgedSubtaskCount, 1)
  assert.deepEqual(driver.acknowledgeAll(1_002, 99), [])
  assert.deepEqual(driver.at(1_003, { kind: 'stored', checkpointId: 1, externalPath: '' }), [])
})

test('an overdue checkpoint starts at once, and not before the pause is over', () => {
  const driver = Driver.running()
  driver.at(1_000)
  assert.deepEqual(driver.at(2_500), [])
  assert.deepEqual(kinds(driver.finish(2_600, 1)), ['complete', 'trigger'])
  const pausing = Driver.running({ minPauseMs: 700 })
  pausing.at(1_000)
  assert.deepEqual(kinds(pausing.finish(1_900, 1)), ['complete'])
  assert.equal(nextDeadlineMs(pausing.state), 2_600)
  assert.deepEqual(pausing.at(2_599), [])
  assert.deepEqual(kinds(pausing.at(2_600)), ['trigger'])
})

test('an expired checkpoint is given up and fails the job when none is tolerated', () => {
  const driver = Driver.running()
  driver.at(1_000)
  assert.equal(nextDeadlineMs(driver.state), 6_000)
  const actions = driver.at(6_000)
  assert.deepEqual(kinds(actions), ['abort', 'fail-job'])
  assert.deepEqual(actions[0], {
    kind: 'abort',
    checkpointId: 1,
    code: 'CHECKPOINT_EXPIRED',
    message: 'Checkpoint 1 expired after 5000 ms with 0 of 3 tasks done.',
  })
  assert.deepEqual(driver.at(60_000), [], 'nothing more until tasks run again')
  assert.deepEqual(driver.at(60_000, { kind: 'tasks-running', tasks: TASKS }), [])
  assert.deepEqual(kinds(driver.at(61_000)), ['trigger'])
})

test('answers that come late, and together, are heard before their checkpoint expires', () => {
  const driver = Driver.running()
  driver.at(1_000)
  assert.deepEqual(kinds(driver.acknowledgeAll(20_000, 1)), ['store'])
  const lacking = Driver.running()
  lacking.at(1_000)
  const [first] = TASKS as [TaskRef]
  assert.deepEqual(lacking.at(20_000, { kind: 'acknowledged', checkpointId: 1, task: first, measures: MEASURES }), [])
  assert.equal(nextDeadlineMs(lacking.state), 6_000)
  assert.deepEqual(kinds(lacking.at(20_001)), ['abort', 'fail-job'])
})

test('tolerated failures count in a row; a success begins anew', () => {
  const driver = Driver.running({ tolerableFailures: 1 })
  const decline = (checkpointId: number, cause: 'failed' | 'passed-over' = 'failed'): TrackerEvent => ({
    kind: 'declined',
    checkpointId,
    task: { vertexId: 'a', subtask: 0 },
    cause,
    message: 'no',
  })
  driver.at(1_000)
  assert.deepEqual(kinds(driver.at(1_001, decline(1))), ['abort'])
  driver.at(2_000)
  assert.deepEqual(kinds(driver.at(2_001, decline(2, 'passed-over'))), ['abort'])
  driver.at(3_000)
  driver.finish(3_001, 3)
  driver.at(4_000)
  assert.deepEqual(kinds(driver.at(4_001, decline(4))), ['abort'])
  driver.at(5_000)
  driver.acknowledgeAll(5_001, 5)
  assert.deepEqual(kinds(driver.at(5_002, { kind: 'store-failed', checkpointId: 5, message: 'full' })), [
    'abort',
    'fail-job',
  ])
})

test('a checkpoint that is being stored is not given up, whatever happens', () => {
  const driver = Driver.running()
  driver.at(1_000)
  driver.acknowledgeAll(1_001, 1)
  assert.deepEqual(driver.at(100_000), [])
  assert.deepEqual(driver.at(100_000, { kind: 'attempt-ended', message: 'a task failed' }), [])
  assert.deepEqual(kinds(driver.at(100_001, { kind: 'stored', checkpointId: 1, externalPath: 'chk-1' })), ['complete'])
  assert.equal(driver.state.lastCompletedId, 1)
})

test('the end of an attempt gives up what is collecting and is no failure', () => {
  const driver = Driver.running()
  driver.at(1_000)
  assert.deepEqual(kinds(driver.at(1_500, { kind: 'attempt-ended', message: 'gone' })), ['abort'])
  assert.equal(driver.state.failuresInARow, 0)
  driver.at(2_000, { kind: 'tasks-running', tasks: TASKS })
  assert.deepEqual(driver.at(3_000), [
    { kind: 'trigger', checkpointId: 2, snapshotKind: 'checkpoint', triggeredAtMs: 3_000, isFinal: false },
  ])
})

test('concurrent checkpoints are stored one at a time; a newer completion gives up older ones', () => {
  const driver = Driver.running({ maxConcurrent: 3 })
  driver.at(1_000)
  driver.at(2_000)
  driver.at(3_000)
  assert.deepEqual(driver.at(4_000), [])
  assert.deepEqual(kinds(driver.acknowledgeAll(4_001, 2)), ['store'])
  assert.deepEqual(driver.acknowledgeAll(4_002, 3), [], 'waits for 2')
  const actions = driver.at(4_003, { kind: 'stored', checkpointId: 2, externalPath: '' })
  assert.deepEqual(
    actions.map((action) => [action.kind, 'checkpointId' in action ? action.checkpointId : 0]),
    [
      ['complete', 2],
      ['abort', 1],
      ['store', 3],
      ['trigger', 4],
    ],
  )
  assert.equal(driver.state.failuresInARow, 0)
})

test('a savepoint goes before a periodic checkpoint, and its failure is answered, not counted', () => {
  const driver = Driver.running()
  assert.deepEqual(driver.at(10, request('r1')), [
    { kind: 'trigger', checkpointId: 1, snapshotKind: 'savepoint', triggeredAtMs: 10, isFinal: false },
  ])
  assert.deepEqual(driver.at(11, request('r2')), [], 'one at a time')
  const finished = driver.finish(20, 1)
  assert.deepEqual(kinds(finished), ['complete', 'answer', 'trigger'])
  assert.deepEqual(finished[1], {
    kind: 'answer',
    requestId: 'r1',
    outcome: { kind: 'completed', checkpointId: 1, externalPath: 'chk-1' },
  })
  assert.equal(driver.state.lastCompletedId, 1, 'it is a checkpoint, which the next one builds on')
  assert.deepEqual(
    [checkpointStatistics(driver.state).latest.completed?.kind, checkpointStatistics(driver.state).latest.savepoint],
    ['full-checkpoint', undefined],
    'a savepoint once its copy exists',
  )
  driver.at(25, { kind: 'exported', checkpointId: 1, externalPath: 'copy' })
  const failed = driver.at(30, {
    kind: 'declined',
    checkpointId: 2,
    task: TASKS[0] as TaskRef,
    cause: 'failed',
    message: 'no',
  })
  assert.deepEqual(kinds(failed), ['abort', 'answer'])
  const { latest, history } = checkpointStatistics(driver.state)
  assert.deepEqual([latest.savepoint?.id, latest.savepoint?.externalPath], [1, 'copy'])
  assert.deepEqual([history[1]?.kind, latest.completed?.externalPath], ['savepoint', 'chk-1'])
})

test('what was asked for is not overtaken: nothing is triggered while it is pending', () => {
  const driver = Driver.running({ maxConcurrent: 3, timeoutMs: 60_000 })
  driver.at(1_000)
  assert.deepEqual(kinds(driver.at(1_001, request('r1'))), ['trigger'], 'beside a periodic one')
  assert.deepEqual(driver.at(5_000, request('r2')), [])
  assert.deepEqual(kinds(driver.finish(5_001, 1)), ['complete'])
  assert.deepEqual(kinds(driver.finish(5_002, 2)), ['complete', 'answer', 'trigger'])
  assert.deepEqual(kinds(driver.finish(5_003, 3)), ['complete', 'answer', 'trigger'], 'the overdue periodic one')
})

test('while the input is drained only the final checkpoint is triggered, and it answers all that wait', () => {
  const driver = Driver.running({ maxConcurrent: 3 })
  driver.at(1_000)
  const drain: TrackerEvent = {
    kind: 'requested',
    request: { requestId: 'drain', snapshotKind: 'savepoint', thenStop: true, drain: true },
  }
  assert.deepEqual(driver.at(1_001, drain), [])
  assert.deepEqual(driver.at(1_002, request('beside')), [])
  assert.deepEqual(driver.at(2_500), [], 'no periodic one, which would call inputs finished that were not read')
  assert.deepEqual(kinds(driver.finish(2_501, 1)), ['complete'], 'one that was triggered before')
  assert.equal(nextDeadlineMs(driver.state), undefined)
  const [final] = driver.at(3_000, { kind: 'all-ended' })
  assert.equal(final?.kind === 'trigger' && final.isFinal, true)
  assert.deepEqual(kinds(driver.finish(3_001, 2)), ['answer', 'answer', 'complete'])
})

test('an attempt that ends while it drains is answered, and the next one is not draining', () => {
  const driver = Driver.running()
  driver.at(1, {
    kind: 'requested',
    request: { requestId: 'drain', snapshotKind: 'savepoint', thenStop: true, drain: true },
  })
  assert.deepEqual(kinds(driver.at(2, { kind: 'attempt-ended', message: 'failed' })), ['answer'])
  driver.at(3, { kind: 'tasks-running', tasks: TASKS })
  assert.deepEqual(kinds(driver.at(1_003)), ['trigger'])
})

test('nothing follows a savepoint to stop, unless it fails', () => {
  const driver = Driver.running()
  driver.at(10, request('stop', true))
  assert.deepEqual(driver.at(5_000), [])
  const refused = driver.at(5_001, request('late'))
  assert.deepEqual(kinds(refused), ['answer'])
  assert.deepEqual(kinds(driver.at(5_010)), ['abort', 'answer', 'trigger'], 'expired')
  driver.finish(5_020, 2)
  driver.at(5_030, request('again', true))
  assert.deepEqual(driver.finish(5_040, 3)[0], {
    kind: 'complete',
    checkpointId: 3,
    snapshotKind: 'savepoint',
    isFinal: false,
    thenStop: true,
  })
  assert.deepEqual(driver.at(99_000), [])
})

test('when all input has ended the final checkpoint comes at once and again until it is complete', () => {
  const driver = Driver.running({ tolerableFailures: 5, minPauseMs: 60_000 })
  assert.deepEqual(driver.at(100, { kind: 'all-ended' }), [
    { kind: 'trigger', checkpointId: 1, snapshotKind: 'checkpoint', triggeredAtMs: 100, isFinal: true },
  ])
  driver.acknowledgeAll(110, 1)
  assert.deepEqual(kinds(driver.at(120, { kind: 'store-failed', checkpointId: 1, message: 'full' })), ['abort'])
  assert.equal(nextDeadlineMs(driver.state), 120 + FINAL_RETRY_DELAY_MS)
  assert.deepEqual(kinds(driver.at(120 + FINAL_RETRY_DELAY_MS)), ['trigger'])
  assert.deepEqual(driver.finish(2_000, 2), [
    { kind: 'complete', checkpointId: 2, snapshotKind: 'checkpoint', isFinal: true, thenStop: false },
  ])
  assert.deepEqual(driver.at(99_000), [])
})

test('a periodic checkpoint in progress at the end is waited for, then the final one comes', () => {
  const driver = Driver.running()
  driver.at(1_000)
  assert.deepEqual(driver.at(1_001, { kind: 'all-ended' }), [])
  const actions = driver.finish(1_010, 1)
  assert.deepEqual(kinds(actions), ['complete', 'trigger'])
  assert.equal(actions[1]?.kind === 'trigger' && actions[1].isFinal, true)
})

test('a request that waits behind the final checkpoint is answered with it', () => {
  const driver = Driver.running()
  driver.at(100, { kind: 'all-ended' })
  assert.deepEqual(driver.at(101, request('stop', true)), [])
  driver.acknowledgeAll(110, 1)
  assert.deepEqual(driver.at(120, { kind: 'stored', checkpointId: 1, externalPath: 'chk-1' }), [
    { kind: 'answer', requestId: 'stop', outcome: { kind: 'completed', checkpointId: 1, externalPath: 'chk-1' } },
    { kind: 'complete', checkpointId: 1, snapshotKind: 'checkpoint', isFinal: true, thenStop: false },
  ])
  assert.deepEqual(kinds(driver.at(20_000)), [])
})

test('a request after the end of the input is answered with the final checkpoint, whatever is still pending', () => {
  const driver = Driver.running()
  driver.at(1_000)
  driver.at(1_001, { kind: 'all-ended' })
  assert.deepEqual(driver.at(1_002, request('r')), [])
  const [, final] = driver.finish(1_010, 1)
  assert.equal(final?.kind === 'trigger' && final.isFinal, true)
  assert.deepEqual(kinds(driver.finish(1_020, 2)), ['answer', 'complete'])
})

test('without an interval nothing is periodic or final, and requests still work', () => {
  const driver = Driver.running({ intervalMs: undefined })
  assert.equal(nextDeadlineMs(driver.state), undefined)
  assert.deepEqual(driver.at(99_000, { kind: 'all-ended' }), [])
  assert.deepEqual(kinds(driver.at(99_001, request('r'))), ['trigger'])
})

test('shutting down answers what waits and triggers nothing more', () => {
  const driver = new Driver()
  driver.at(0, request('r'))
  assert.deepEqual(kinds(driver.at(1, { kind: 'shut-down', message: 'cancelled' })), ['answer'])
  driver.at(2, { kind: 'tasks-running', tasks: TASKS })
  assert.deepEqual(driver.at(50_000), [])
  assert.deepEqual(kinds(driver.at(50_001, request('late'))), ['answer'])
})

test('the history is bounded and shows what is in progress and what was removed', () => {
  const driver = Driver.running()
  for (let id = 1; id <= 15; id++) {
    driver.at(id * 1_000)
    driver.finish(id * 1_000, id)
  }
  driver.at(15_500, { kind: 'discarded', checkpointId: 15 })
  driver.at(15_600, {
    kind: 'restored',
    record: { id: 3, restoredAtMs: 5, isSavepoint: false, externalPath: 'chk-3' },
  })
  driver.at(16_000)
  const { history, counts, latest, summary } = checkpointStatistics(driver.state)
  assert.deepEqual(
    history.map((record) => record.id),
    [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6],
  )
  assert.equal(history[0]?.status, 'IN_PROGRESS')
  assert.equal(latest.completed?.discarded, true)
  assert.equal(latest.restored?.id, 3)
  assert.deepEqual(counts, { restored: 1, total: 16, inProgress: 1, completed: 15, failed: 0 })
  assert.equal(summary.stateBytes.count, 15)
})
