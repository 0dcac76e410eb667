/**
 * The decisions of the checkpoint coordinator: when a checkpoint is triggered, when it is complete, given up, or one
 * failure too many. A reducer: state and event in, new state and actions out. It stores nothing and talks to nobody;
 * whoever drives it keeps what tasks acknowledge, carries out the actions in order and reports back with events.
 *
 * Invariants: a checkpoint is stored only when every task has acknowledged it; they are stored one at a time, and
 * in ascending order; one that is being stored is never given up, since its manifest may already be durable; ids only
 * grow; every request is answered once.
 * What is asked for waits its turn before periodic checkpoints and ignores interval and pause; while it is pending
 * nothing else is triggered. A savepoint is a checkpoint that is also copied (decision 0006): only its failure is its
 * requester's matter and nobody else's.
 *
 * What is waited for goes by steady time, which no change of the wall clock moves; what is told to people by epoch time.
 */
import type { CheckpointId } from '../channel/stream-element.ts'
import {
  type CheckpointRecord,
  type SubtaskMeasures,
  withAcknowledged,
  withDiscarded,
  withEnded,
  withExported,
  withRestored,
} from './checkpoint-statistics.ts'
import { answerFailed, Draft, expire, giveUp, trigger } from './tracker-draft.ts'
import {
  type CheckpointRequest,
  hasRoom,
  nextPeriodicMs,
  type RequestOutcome,
  type TaskRef,
  type TrackerAction,
  type TrackerEvent,
  type TrackerState,
  type TrackerTime,
} from './tracker-state.ts'

export interface TrackerDecision {
  readonly state: TrackerState
  readonly actions: readonly TrackerAction[]
}
const REQUESTS_MAX = 100

/**
 * The one entry point. Every event also triggers what is due by `time`; a checkpoint expires only when time is all that has come. So
 * after the process stood still, answers that wait are heard, all of them, before one is given up for their lack.
 */
export function decideCheckpoint(state: TrackerState, event: TrackerEvent, time: TrackerTime): TrackerDecision {
  const draft = new Draft(state, time)
  onEvent(draft, event)
  if (event.kind === 'time') expire(draft)
  storeNext(draft)
  triggerDue(draft)
  return { state: draft.state, actions: draft.actions }
}
function onEvent(draft: Draft, event: TrackerEvent): void {
  const { state, nowMs } = draft
  switch (event.kind) {
    case 'time':
      break
    case 'tasks-running':
      draft.set({
        running: { tasks: event.tasks, sinceMs: nowMs },
        lastPeriodicTriggerMs: undefined,
        final: 'not-due',
      })
      break
    case 'requested':
      onRequested(draft, event.request)
      break
    case 'acknowledged':
      onAcknowledged(draft, event.checkpointId, event.task, event.measures)
      break
    case 'declined':
      onDeclined(draft, event.checkpointId, event.cause, event.message)
      break
    case 'stored':
      onStored(draft, event.checkpointId, event.externalPath)
      break
    case 'store-failed':
      onStoreFailed(draft, event.checkpointId, event.message)
      break
    case 'all-ended':
      if (state.final === 'not-due' && state.config.intervalMs !== undefined) {
        draft.set({ final: 'due', finalRetryAtMs: nowMs })
      }
      break
    case 'attempt-ended':
      onAttemptEnded(draft, event.message)
      break
    case 'shut-down':
      draft.set({ stopping: 'shut-down', requests: [] })
      for (const request of state.requests) answerFailed(draft, request, 'CHECKPOINT_FAILED', event.message)
      break
    case 'restored':
      draft.set({ statistics: withRestored(state.statistics, event.record) })
      break
    case 'exported':
      draft.set({ statistics: withExported(state.statistics, event.checkpointId, event.externalPath) })
      break
    case 'discarded':
      draft.set({ statistics: withDiscarded(state.statistics, event.checkpointId) })
      break
  }
}

function onRequested(draft: Draft, request: CheckpointRequest): void {
  const { stopping, final } = draft.state
  if (stopping === 'after-snapshot' || stopping === 'shut-down' || final === 'done') {
    answerFailed(draft, request, 'CHECKPOINT_FAILED', 'The job is ending.')
  } else if (request.drain) {
    draft.set({ stopping: 'draining', requests: [...draft.state.requests, request] })
  } else if (draft.state.requests.length >= REQUESTS_MAX) {
    answerFailed(draft, request, 'CHECKPOINT_FAILED', `${REQUESTS_MAX} requests are waiting already.`)
  } else {
    draft.set({ requests: [...draft.state.requests, request] })
  }
}

function onDeclined(draft: Draft, id: CheckpointId, cause: 'passed-over' | 'failed', reason: string): void {
  const message = `Checkpoint ${id} was declined: ${reason}`
  giveUp(draft, id, 'CHECKPOINT_DECLINED', message, cause === 'failed')
}

function onStoreFailed(draft: Draft, id: CheckpointId, reason: string): void {
  const pending = draft.pendingOf(id)
  if (pending === undefined || pending.phase !== 'storing') return
  draft.replace({ ...pending, phase: 'acknowledged' })
  giveUp(draft, id, 'CHECKPOINT_FAILED', reason, true)
}

function onAcknowledged(draft: Draft, id: CheckpointId, task: TaskRef, measures: SubtaskMeasures): void {
  const pending = draft.pendingOf(id)
  // An answer to a checkpoint that was given up, or the second one of a task.
  if (pending === undefined || pending.phase !== 'collecting') return
  const vertex = pending.record.vertices.find((each) => each.vertexId === task.vertexId)
  if (vertex === undefined || task.subtask >= vertex.subtasks.length) return
  if (vertex.subtasks[task.subtask] !== undefined) return
  const record = withAcknowledged(pending.record, task.vertexId, task.subtask, measures, draft.epochMs)
  const isAll = record.acknowledgedSubtaskCount === record.subtaskCount
  draft.replace({ ...pending, record, phase: isAll ? 'acknowledged' : 'collecting' })
}

function onStored(draft: Draft, id: CheckpointId, externalPath: string): void {
  const pending = draft.pendingOf(id)
  if (pending === undefined || pending.phase !== 'storing') return
  const { record, request } = pending
  const completed: CheckpointRecord = {
    ...record,
    status: 'COMPLETED',
    externalPath,
    endToEndDurationMs: Math.max(0, (record.latestAckAtMs ?? draft.epochMs) - record.triggeredAtMs),
    // A savepoint once its copy exists (`exported`).
    kind: record.kind === 'savepoint' ? 'full-checkpoint' : record.kind,
  }
  draft.set({
    pending: draft.state.pending.filter((each) => each !== pending),
    lastEndMs: draft.nowMs,
    failuresInARow: 0,
    statistics: withEnded(draft.state.statistics, completed),
    lastCompletedId: id,
    ...(record.isFinal ? { final: 'done' as const } : {}),
  })
  // Another one could add nothing to the final checkpoint.
  if (record.isFinal) answerWaiting(draft, id, externalPath)
  const thenStop = request?.thenStop ?? false
  draft.actions.push({
    kind: 'complete',
    checkpointId: id,
    snapshotKind: record.kind,
    isFinal: record.isFinal,
    thenStop,
  })
  if (request !== undefined) {
    const outcome: RequestOutcome = { kind: 'completed', checkpointId: id, externalPath }
    draft.actions.push({ kind: 'answer', requestId: request.requestId, outcome })
  }
  for (const older of draft.state.pending) {
    if (older.record.id > id) continue
    giveUp(draft, older.record.id, 'CHECKPOINT_DECLINED', `Checkpoint ${id} was complete first.`, false)
  }
}

function answerWaiting(draft: Draft, checkpointId: CheckpointId, externalPath: string): void {
  const { requests } = draft.state
  draft.set({ requests: [] })
  for (const { requestId } of requests) {
    draft.actions.push({ kind: 'answer', requestId, outcome: { kind: 'completed', checkpointId, externalPath } })
  }
}

function onAttemptEnded(draft: Draft, message: string): void {
  for (const pending of draft.state.pending) giveUp(draft, pending.record.id, 'CHECKPOINT_FAILED', message, false)
  const { requests, final, stopping } = draft.state
  draft.set({
    running: undefined,
    requests: [],
    final: final === 'done' ? 'done' : 'not-due',
    // A next attempt may follow, which was asked for nothing.
    stopping: stopping === 'shut-down' ? 'shut-down' : 'no',
  })
  for (const request of requests) answerFailed(draft, request, 'CHECKPOINT_FAILED', message)
}

/** Hands the oldest fully acknowledged checkpoint over for storing, one at a time. */
function storeNext(draft: Draft): void {
  if (draft.state.pending.some((pending) => pending.phase === 'storing')) return
  const next = draft.state.pending.find((pending) => pending.phase === 'acknowledged')
  if (next === undefined) return
  draft.replace({ ...next, phase: 'storing' })
  draft.actions.push({ kind: 'store', checkpointId: next.record.id, isFinal: next.record.isFinal })
}
function triggerDue(draft: Draft): void {
  while (hasRoom(draft.state)) {
    const { state, nowMs } = draft
    const [request, ...requests] = state.requests
    // When the input has ended, or is being ended, they wait for the final checkpoint.
    if (request !== undefined && state.stopping !== 'draining' && state.final !== 'due') {
      draft.set({ requests, stopping: request.thenStop ? 'after-snapshot' : 'no' })
      trigger(draft, request.snapshotKind, false, request)
      continue
    }
    if (state.final === 'due') {
      if (nowMs < state.finalRetryAtMs) return
      trigger(draft, 'checkpoint', true, undefined)
      continue
    }
    const dueMs = nextPeriodicMs(state)
    if (dueMs === undefined || nowMs < dueMs) return
    draft.set({ lastPeriodicTriggerMs: nowMs })
    trigger(draft, 'checkpoint', false, undefined)
  }
}
