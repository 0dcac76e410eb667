/**
 * The decisions of the checkpoint coordinator: when a checkpoint is triggered, when it is complete, given up, or one
 * failure too many. A reducer: state and event in, new state and actions out. It stores nothing and talks to nobody;
 * whoever drives it keeps what tasks acknowledge, carries out the actions in order and reports back with events.
 *
 * Invariants: a checkpoint is stored only when every task has acknowledged it; they are stored one at a time, and
 * checkpoints (not savepoints, which nothing builds on) in ascending order; one that is being stored is never given up,
 * since its manifest may already be durable; ids only grow.
 * Savepoints count as concurrent checkpoints, wait their turn before periodic ones, and ignore interval and pause.
 *
 * What is waited for goes by steady time, which no change of the wall clock moves; what is told to people by epoch time.
 */
import type { ErrorCode } from '@millrace/api'
import type { CheckpointId, SnapshotKind } from '../channel/stream-element.ts'
import {
  type CheckpointRecord,
  type CheckpointStatistics,
  EMPTY_STATISTICS,
  type RestoredRecord,
  type SubtaskMeasures,
  withAcknowledged,
  withDiscarded,
  withEnded,
  withExported,
  withRestored,
  withTriggered,
} from './checkpoint-statistics.ts'

export interface TrackerConfig {
  /** Between triggers; `undefined`: only on request, and no final checkpoint either. */
  readonly intervalMs: number | undefined
  /** Between the end of one and the next periodic trigger. */
  readonly minPauseMs: number
  /** From trigger to the last acknowledgement. */
  readonly timeoutMs: number
  readonly maxConcurrent: number
  /** This many failures in a row are tolerated; one more fails the job. */
  readonly tolerableFailures: number
}

export interface TaskRef {
  readonly vertexId: string
  readonly subtask: number
}

export interface CheckpointRequest {
  /** Chosen by who asks; given back in `answer`. */
  readonly requestId: string
  readonly snapshotKind: SnapshotKind
  /** The job stops after it: nothing is triggered from its trigger on, unless it fails. */
  readonly thenStop: boolean
}

export type TrackerEvent =
  /** All tasks of an attempt run. */
  | { readonly kind: 'tasks-running'; readonly tasks: readonly TaskRef[] }
  /** Time has passed; due at `nextDeadlineMs`. */
  | { readonly kind: 'time' }
  | { readonly kind: 'requested'; readonly request: CheckpointRequest }
  | {
      readonly kind: 'acknowledged'
      readonly checkpointId: CheckpointId
      readonly task: TaskRef
      readonly measures: SubtaskMeasures
    }
  /** `superseded`: the task met a newer barrier first, which is nobody's failure. */
  | {
      readonly kind: 'declined'
      readonly checkpointId: CheckpointId
      readonly task: TaskRef
      readonly cause: 'superseded' | 'failed'
      readonly message: string
    }
  /** The manifest is durable. */
  | { readonly kind: 'stored'; readonly checkpointId: CheckpointId; readonly externalPath: string }
  | { readonly kind: 'store-failed'; readonly checkpointId: CheckpointId; readonly message: string }
  /** Every task has processed all its input. */
  | { readonly kind: 'all-ended' }
  /** The tasks are gone or going: failure, cancellation, end. */
  | { readonly kind: 'attempt-ended'; readonly message: string }
  /** Nothing will be triggered any more. */
  | { readonly kind: 'shut-down'; readonly message: string }
  | { readonly kind: 'restored'; readonly record: RestoredRecord }
  /** A completed one was also written to a folder of its own, as a savepoint. */
  | { readonly kind: 'exported'; readonly checkpointId: CheckpointId; readonly externalPath: string }
  /** Retention removed it from disk. */
  | { readonly kind: 'discarded'; readonly checkpointId: CheckpointId }

export type TrackerAction =
  /** Send barriers into the sources. */
  | {
      readonly kind: 'trigger'
      readonly checkpointId: CheckpointId
      readonly snapshotKind: SnapshotKind
      readonly triggeredAtMs: number
      readonly isFinal: boolean
    }
  /** All have acknowledged: write the manifest; answer with `stored` or `store-failed`. */
  | { readonly kind: 'store'; readonly checkpointId: CheckpointId; readonly isFinal: boolean }
  /** It exists: tell the tasks, commit, apply retention. */
  | {
      readonly kind: 'complete'
      readonly checkpointId: CheckpointId
      readonly snapshotKind: SnapshotKind
      readonly isFinal: boolean
      readonly thenStop: boolean
    }
  /** Given up: tell the tasks, remove what they wrote. */
  | {
      readonly kind: 'abort'
      readonly checkpointId: CheckpointId
      readonly code: ErrorCode
      readonly message: string
    }
  | { readonly kind: 'answer'; readonly requestId: string; readonly outcome: RequestOutcome }
  | { readonly kind: 'fail-job'; readonly code: ErrorCode; readonly message: string }

export type RequestOutcome =
  | { readonly kind: 'completed'; readonly checkpointId: CheckpointId; readonly externalPath: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

/** One moment, by both clocks. */
export interface TrackerTime {
  /** Grows evenly; its zero means nothing. */
  readonly steadyMs: number
  /** Wall clock, ms since 1970. */
  readonly epochMs: number
}

export interface PendingCheckpoint {
  readonly phase: 'collecting' | 'acknowledged' | 'storing'
  readonly record: CheckpointRecord
  readonly request: CheckpointRequest | undefined
  readonly triggeredSteadyMs: number
}

/** Times in here are steady; those of records are epoch. */
export interface TrackerState {
  readonly config: TrackerConfig
  readonly nextId: CheckpointId
  /** `undefined`: not all tasks run. */
  readonly running: { readonly tasks: readonly TaskRef[]; readonly sinceMs: number } | undefined
  /** By ascending id. */
  readonly pending: readonly PendingCheckpoint[]
  readonly requests: readonly CheckpointRequest[]
  readonly lastPeriodicTriggerMs: number | undefined
  readonly lastEndMs: number | undefined
  readonly lastCompletedId: CheckpointId | undefined
  readonly failuresInARow: number
  readonly final: 'not-due' | 'due' | 'done'
  /** The final checkpoint failed: not before this time again. */
  readonly finalRetryAtMs: number
  /** `after-snapshot`: a request with `thenStop` was triggered; it ends when that one fails. */
  readonly stopping: 'no' | 'after-snapshot' | 'shut-down'
  readonly statistics: CheckpointStatistics
}

export interface TrackerDecision {
  readonly state: TrackerState
  readonly actions: readonly TrackerAction[]
}

/** Between a failed final checkpoint and the next try. */
export const FINAL_RETRY_DELAY_MS = 1_000
const REQUESTS_MAX = 100

/** `firstId`: 1 on a fresh start, restored id + 1 (or above every id in the folder) after a restore. */
export function createTrackerState(config: TrackerConfig, firstId: CheckpointId): TrackerState {
  return {
    config,
    nextId: firstId,
    running: undefined,
    pending: [],
    requests: [],
    lastPeriodicTriggerMs: undefined,
    lastEndMs: undefined,
    lastCompletedId: undefined,
    failuresInARow: 0,
    final: 'not-due',
    finalRetryAtMs: 0,
    stopping: 'no',
    statistics: EMPTY_STATISTICS,
  }
}

/** The one entry point. Every event also does what is due by `time`. */
export function decideCheckpoint(state: TrackerState, event: TrackerEvent, time: TrackerTime): TrackerDecision {
  const draft = new Draft(state, time)
  onEvent(draft, event)
  expire(draft)
  storeNext(draft)
  triggerDue(draft)
  return { state: draft.state, actions: draft.actions }
}

/** When to send a `time` event at the latest, steady ms, or `undefined` when only other events can change something. */
export function nextDeadlineMs(state: TrackerState): number | undefined {
  const deadlines = state.pending
    .filter((pending) => pending.phase === 'collecting')
    .map((pending) => pending.triggeredSteadyMs + state.config.timeoutMs)
  if (hasRoom(state)) {
    const isFinalPending = state.pending.some((pending) => pending.record.isFinal)
    if (state.final === 'due' && !isFinalPending) deadlines.push(state.finalRetryAtMs)
    const periodic = nextPeriodicMs(state)
    if (periodic !== undefined) deadlines.push(periodic)
  }
  return deadlines.length === 0 ? undefined : Math.min(...deadlines)
}

/** The statistics with what is in progress, newest first. */
export function checkpointStatistics(state: TrackerState): CheckpointStatistics {
  const inProgress = state.pending.map((pending) => pending.record)
  const history = [...inProgress, ...state.statistics.history].sort((a, b) => b.id - a.id)
  return { ...state.statistics, history }
}

class Draft {
  state: TrackerState
  readonly actions: TrackerAction[] = []
  readonly nowMs: number
  readonly epochMs: number

  constructor(state: TrackerState, { steadyMs, epochMs }: TrackerTime) {
    this.state = state
    this.nowMs = steadyMs
    this.epochMs = epochMs
  }

  set(change: Partial<TrackerState>): void {
    this.state = { ...this.state, ...change }
  }

  pendingOf(id: CheckpointId): PendingCheckpoint | undefined {
    return this.state.pending.find((pending) => pending.record.id === id)
  }

  replace(pending: PendingCheckpoint): void {
    const { id } = pending.record
    this.set({ pending: this.state.pending.map((each) => (each.record.id === id ? pending : each)) })
  }
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
      onDeclined(draft, event.checkpointId, event.task, event.cause, event.message)
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
  if (draft.state.stopping !== 'no' || draft.state.final === 'done') {
    answerFailed(draft, request, 'CHECKPOINT_FAILED', 'The job is ending.')
  } else if (draft.state.requests.length >= REQUESTS_MAX) {
    answerFailed(draft, request, 'CHECKPOINT_FAILED', `${REQUESTS_MAX} requests are waiting already.`)
  } else {
    draft.set({ requests: [...draft.state.requests, request] })
  }
}

function onDeclined(
  draft: Draft,
  id: CheckpointId,
  task: TaskRef,
  cause: 'superseded' | 'failed',
  reason: string,
): void {
  const message = `Task ${task.vertexId} (${task.subtask}) declined checkpoint ${id}: ${reason}`
  giveUp(draft, id, 'CHECKPOINT_DECLINED', message, cause === 'failed')
}

function onStoreFailed(draft: Draft, id: CheckpointId, reason: string): void {
  const pending = draft.pendingOf(id)
  if (pending === undefined || pending.phase !== 'storing') return
  draft.replace({ ...pending, phase: 'acknowledged' })
  giveUp(draft, id, 'CHECKPOINT_FAILED', `Checkpoint ${id} could not be stored: ${reason}`, true)
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
  }
  draft.set({
    pending: draft.state.pending.filter((each) => each !== pending),
    lastEndMs: draft.nowMs,
    failuresInARow: 0,
    statistics: withEnded(draft.state.statistics, completed),
    ...(record.kind === 'savepoint' ? {} : { lastCompletedId: id }),
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
  if (record.kind === 'savepoint') return
  for (const older of draft.state.pending) {
    if (older.record.id > id || older.record.kind === 'savepoint') continue
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

/** Ends a checkpoint without success, unless it is being stored. */
function giveUp(draft: Draft, id: CheckpointId, code: ErrorCode, message: string, countsAsFailure: boolean): void {
  const pending = draft.pendingOf(id)
  if (pending === undefined || pending.phase === 'storing') return
  const { nowMs } = draft
  const { record, request } = pending
  const failed: CheckpointRecord = {
    ...record,
    status: 'FAILED',
    endToEndDurationMs: nowMs - pending.triggeredSteadyMs,
    failure: { code, message, atMs: draft.epochMs },
  }
  draft.set({
    pending: draft.state.pending.filter((each) => each !== pending),
    lastEndMs: nowMs,
    statistics: withEnded(draft.state.statistics, failed),
    ...(record.isFinal ? { finalRetryAtMs: nowMs + FINAL_RETRY_DELAY_MS } : {}),
    ...(request?.thenStop === true && draft.state.stopping === 'after-snapshot' ? { stopping: 'no' as const } : {}),
  })
  draft.actions.push({ kind: 'abort', checkpointId: id, code, message })
  if (request !== undefined) answerFailed(draft, request, code, message)
  // A savepoint's failure is its requester's matter.
  if (countsAsFailure && record.kind !== 'savepoint') countFailure(draft, message)
}

function countFailure(draft: Draft, message: string): void {
  const failuresInARow = draft.state.failuresInARow + 1
  const { tolerableFailures } = draft.state.config
  const isTooMany = failuresInARow > tolerableFailures
  draft.set({ failuresInARow: isTooMany ? 0 : failuresInARow })
  if (!isTooMany) return
  // Nothing is triggered until the tasks of the next attempt run.
  draft.set({ running: undefined })
  draft.actions.push({
    kind: 'fail-job',
    code: 'CHECKPOINT_FAILURES_EXCEEDED',
    message: `${failuresInARow} checkpoints failed in a row, ${tolerableFailures} are tolerated (execution.checkpointing.tolerable-failed-checkpoints). The last: ${message}`,
  })
}

function expire(draft: Draft): void {
  for (const pending of draft.state.pending) {
    const { id } = pending.record
    const { timeoutMs } = draft.state.config
    if (pending.phase !== 'collecting' || draft.nowMs < pending.triggeredSteadyMs + timeoutMs) continue
    const { acknowledgedSubtaskCount, subtaskCount } = pending.record
    const message = `Checkpoint ${id} expired after ${timeoutMs} ms with ${acknowledgedSubtaskCount} of ${subtaskCount} tasks done.`
    giveUp(draft, id, 'CHECKPOINT_EXPIRED', message, true)
  }
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
    if (request !== undefined) {
      draft.set({ requests, stopping: request.thenStop ? 'after-snapshot' : 'no' })
      trigger(draft, request.snapshotKind, false, request)
      continue
    }
    if (state.final === 'due') {
      const isPending = state.pending.some((pending) => pending.record.isFinal)
      if (isPending || nowMs < state.finalRetryAtMs) return
      trigger(draft, 'checkpoint', true, undefined)
      continue
    }
    const dueMs = nextPeriodicMs(state)
    if (dueMs === undefined || nowMs < dueMs) return
    draft.set({ lastPeriodicTriggerMs: nowMs })
    trigger(draft, 'checkpoint', false, undefined)
  }
}

function hasRoom(state: TrackerState): boolean {
  return state.running !== undefined && state.stopping === 'no' && state.pending.length < state.config.maxConcurrent
}

/** When the next periodic checkpoint is due, with room for it. */
function nextPeriodicMs(state: TrackerState): number | undefined {
  const { intervalMs, minPauseMs } = state.config
  if (intervalMs === undefined || state.running === undefined || state.final !== 'not-due') return undefined
  const byInterval = (state.lastPeriodicTriggerMs ?? state.running.sinceMs) + intervalMs
  return state.lastEndMs === undefined ? byInterval : Math.max(byInterval, state.lastEndMs + minPauseMs)
}

function trigger(
  draft: Draft,
  snapshotKind: SnapshotKind,
  isFinal: boolean,
  request: CheckpointRequest | undefined,
): void {
  const { state, nowMs, epochMs } = draft
  const id = state.nextId
  const tasks = state.running?.tasks ?? []
  const vertices = new Map<string, undefined[]>()
  for (const { vertexId } of tasks) vertices.set(vertexId, [...(vertices.get(vertexId) ?? []), undefined])
  const record: CheckpointRecord = {
    id,
    status: 'IN_PROGRESS',
    kind: snapshotKind,
    isFinal,
    triggeredAtMs: epochMs,
    latestAckAtMs: undefined,
    endToEndDurationMs: undefined,
    checkpointedBytes: 0,
    stateBytes: 0,
    processedBytes: 0,
    persistedBytes: 0,
    subtaskCount: tasks.length,
    acknowledgedSubtaskCount: 0,
    externalPath: undefined,
    discarded: false,
    failure: undefined,
    vertices: [...vertices].map(([vertexId, subtasks]) => ({ vertexId, subtasks })),
  }
  draft.set({
    nextId: id + 1,
    pending: [...state.pending, { phase: 'collecting', record, request, triggeredSteadyMs: nowMs }],
    statistics: withTriggered(state.statistics),
  })
  draft.actions.push({ kind: 'trigger', checkpointId: id, snapshotKind, triggeredAtMs: epochMs, isFinal })
}

function answerFailed(draft: Draft, request: CheckpointRequest, code: ErrorCode, message: string): void {
  const outcomeCode = request.snapshotKind === 'savepoint' ? 'SAVEPOINT_FAILED' : code
  draft.actions.push({
    kind: 'answer',
    requestId: request.requestId,
    outcome: { kind: 'failed', code: outcomeCode, message },
  })
}
