import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decideCheckpoint } from '../../src/checkpoint/checkpoint-tracker.ts'
import {
  createTrackerState,
  nextDeadlineMs,
  type TaskRef,
  type TrackerEvent,
} from '../../src/checkpoint/tracker-state.ts'

const TASKS: readonly TaskRef[] = [
  { vertexId: 'a', subtask: 0 },
  { vertexId: 'a', subtask: 1 },
]
const MEASURES = {
  syncDurationMs: 0,
  asyncDurationMs: 0,
  alignmentDurationMs: 0,
  startDelayMs: 0,
  processedBytes: 0,
  persistedBytes: 0,
  checkpointedBytes: 1,
  stateBytes: 1,
}

const id = fc.integer({ min: 1, max: 12 })
const task = fc.constantFrom(...TASKS)
const eventArbitrary: fc.Arbitrary<TrackerEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<TrackerEvent>({ kind: 'time' }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('acknowledged' as const),
      checkpointId: id,
      task,
      measures: fc.constant(MEASURES),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('stored' as const), checkpointId: id, externalPath: fc.constant('p') }),
  },
  fc.record({ kind: fc.constant('store-failed' as const), checkpointId: id, message: fc.constant('m') }),
  fc.record({
    kind: fc.constant('declined' as const),
    checkpointId: id,
    task,
    cause: fc.constantFrom('failed' as const, 'passed-over' as const),
    message: fc.constant('m'),
  }),
  fc.record({
    kind: fc.constant('requested' as const),
    request: fc.record({
      requestId: fc.uuid(),
      snapshotKind: fc.constantFrom('savepoint' as const, 'checkpoint' as const),
      thenStop: fc.boolean(),
      drain: fc.boolean(),
    }),
  }),
  fc.constant<TrackerEvent>({ kind: 'all-ended' }),
  fc.constant<TrackerEvent>({ kind: 'attempt-ended', message: 'm' }),
  { weight: 2, arbitrary: fc.constant<TrackerEvent>({ kind: 'tasks-running', tasks: TASKS }) },
)

test('every checkpoint is triggered once, ends once, is stored only when all acknowledged, in ascending order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(eventArbitrary, fc.nat(1_500)), { maxLength: 120 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(2),
      (steps, maxConcurrent, tolerableFailures) => {
        const config = { intervalMs: 1_000, minPauseMs: 100, timeoutMs: 3_000, maxConcurrent, tolerableFailures }
        let state = createTrackerState(config, 1)
        let nowMs = 0
        const acknowledged = new Map<number, Set<number>>()
        const running = new Set<number>()
        const asked = new Set<string>()
        const answered = new Set<string>()
        let lastId = 0
        let lastStored = 0
        let storing: number | undefined
        for (const [event, pauseMs] of steps) {
          nowMs += pauseMs
          if (event.kind === 'requested') asked.add(event.request.requestId)
          if (event.kind === 'acknowledged' && running.has(event.checkpointId)) {
            acknowledged.get(event.checkpointId)?.add(event.task.subtask)
          }
          const before = storing
          const decision = decideCheckpoint(state, event, { steadyMs: nowMs, epochMs: -nowMs })
          state = decision.state
          for (const action of decision.actions) {
            switch (action.kind) {
              case 'trigger':
                assert.ok(action.checkpointId > lastId)
                lastId = action.checkpointId
                running.add(action.checkpointId)
                acknowledged.set(action.checkpointId, new Set())
                break
              case 'store':
                assert.ok(running.has(action.checkpointId) && storing === undefined)
                assert.ok(action.checkpointId > lastStored)
                lastStored = action.checkpointId
                assert.equal(acknowledged.get(action.checkpointId)?.size, TASKS.length)
                storing = action.checkpointId
                break
              case 'complete':
                assert.equal(action.checkpointId, before)
                assert.ok(event.kind === 'stored')
                storing = undefined
                running.delete(action.checkpointId)
                break
              case 'abort':
                assert.ok(running.delete(action.checkpointId))
                if (storing === action.checkpointId) {
                  assert.equal(event.kind, 'store-failed', 'nothing else ends a checkpoint that is being stored')
                  storing = undefined
                }
                break
              case 'answer':
                assert.ok(asked.has(action.requestId) && !answered.has(action.requestId))
                answered.add(action.requestId)
                break
              case 'fail-job':
                break
            }
          }
          assert.ok(running.size <= maxConcurrent)
          assert.deepEqual(
            state.pending.map((pending) => pending.record.id),
            [...running].sort((a, b) => a - b),
          )
          const { counts } = state.statistics
          assert.equal(counts.total, counts.completed + counts.failed + counts.inProgress)
          assert.equal(counts.inProgress, running.size)
          const deadline = nextDeadlineMs(state)
          const isLate = ({ phase, triggeredSteadyMs }: (typeof state.pending)[number]): boolean =>
            phase === 'collecting' && triggeredSteadyMs + config.timeoutMs <= nowMs
          const mayBeLate = event.kind !== 'time' && state.pending.some(isLate)
          if (deadline !== undefined) assert.ok(deadline > nowMs || mayBeLate, 'what was due has been done')
        }
      },
    ),
    { numRuns: 600 },
  )
})
