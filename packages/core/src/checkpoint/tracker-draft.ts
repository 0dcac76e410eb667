/**
 * One decision in the making: the state as it will be and the actions so far, and the steps that several events take –
 * triggering a checkpoint, giving one up, answering who asked.
 */
import type { ErrorCode } from '@millrace/api'
import type { CheckpointId, SnapshotKind } from '../channel/stream-element.ts'
import { type CheckpointRecord, withEnded, withTriggered } from './checkpoint-statistics.ts'
import type { CheckpointRequest, PendingCheckpoint, TrackerAction, TrackerState, TrackerTime } from './tracker-state.ts'

/** Between a failed final checkpoint and the next try. */
export const FINAL_RETRY_DELAY_MS = 1_000

export class Draft {
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
/** Ends a checkpoint without success, unless it is being stored. */
export function giveUp(
  draft: Draft,
  id: CheckpointId,
  code: ErrorCode,
  message: string,
  countsAsFailure: boolean,
): void {
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
    message: `${failuresInARow} checkpoint${failuresInARow === 1 ? '' : 's'} failed in a row, ${tolerableFailures} are tolerated (execution.checkpointing.tolerable-failed-checkpoints). The last: ${message}`,
  })
}

export function expire(draft: Draft): void {
  for (const pending of draft.state.pending) {
    const { id } = pending.record
    const { timeoutMs } = draft.state.config
    if (pending.phase !== 'collecting' || draft.nowMs < pending.triggeredSteadyMs + timeoutMs) continue
    const { acknowledgedSubtaskCount, subtaskCount } = pending.record
    const message = `Checkpoint ${id} expired after ${timeoutMs} ms with ${acknowledgedSubtaskCount} of ${subtaskCount} tasks done.`
    giveUp(draft, id, 'CHECKPOINT_EXPIRED', message, true)
  }
}

export function trigger(
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

export function answerFailed(draft: Draft, request: CheckpointRequest, code: ErrorCode, message: string): void {
  const outcomeCode = request.snapshotKind === 'savepoint' ? 'SAVEPOINT_FAILED' : code
  draft.actions.push({
    kind: 'answer',
    requestId: request.requestId,
    outcome: { kind: 'failed', code: outcomeCode, message },
  })
}
