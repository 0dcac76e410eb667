/**
 * What the decisions of the checkpoint coordinator are made of: its configuration, the events it hears, the actions it
 * asks for, and the state between them. `checkpoint-tracker.ts` decides; `tracker-draft.ts` changes the state.
 */
import type { ErrorCode } from '@millrace/api'
import type { CheckpointId, SnapshotKind } from '../channel/stream-element.ts'
import {
  type CheckpointRecord,
  type CheckpointStatistics,
  EMPTY_STATISTICS,
  type RestoredRecord,
  type SubtaskMeasures,
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
  /**
   * All input is being ended for it: from now on only the final checkpoint is triggered, which answers it. A checkpoint
   * in between would call inputs finished that were not read to their end.
   */
  readonly drain: boolean
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
  /** `passed-over`: the task met a newer barrier first, or takes the next one in another way, which is nobody's failure. */
  | {
      readonly kind: 'declined'
      readonly checkpointId: CheckpointId
      readonly task: TaskRef
      readonly cause: 'passed-over' | 'failed'
      /** For people; names the task. */
      readonly message: string
    }
  /** The manifest is durable. */
  | { readonly kind: 'stored'; readonly checkpointId: CheckpointId; readonly externalPath: string }
  /** `message` says by itself that it could not be stored. */
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
  /**
   * `after-snapshot`: a request with `thenStop` was triggered; it ends when that one fails. `draining`: all input is being
   * ended on request; it ends with the attempt.
   */
  readonly stopping: 'no' | 'after-snapshot' | 'draining' | 'shut-down'
  readonly statistics: CheckpointStatistics
}
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
/** When to send a `time` event at the latest, steady ms, or `undefined` when only other events can change something. */
export function nextDeadlineMs(state: TrackerState): number | undefined {
  const deadlines = state.pending
    .filter((pending) => pending.phase === 'collecting')
    .map((pending) => pending.triggeredSteadyMs + state.config.timeoutMs)
  if (hasRoom(state)) {
    if (state.final === 'due') deadlines.push(state.finalRetryAtMs)
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

export function hasRoom(state: TrackerState): boolean {
  const { running, stopping, pending, config } = state
  if (running === undefined || stopping === 'after-snapshot' || stopping === 'shut-down') return false
  // What was asked for runs to its end without being overtaken, and the final one holds all that another could.
  if (pending.some(({ record, request }) => record.isFinal || request !== undefined)) return false
  return pending.length < config.maxConcurrent
}

/** When the next periodic checkpoint is due, with room for it. */
export function nextPeriodicMs(state: TrackerState): number | undefined {
  const { intervalMs, minPauseMs } = state.config
  if (intervalMs === undefined || state.running === undefined || state.final !== 'not-due') return undefined
  if (state.stopping !== 'no') return undefined
  const byInterval = (state.lastPeriodicTriggerMs ?? state.running.sinceMs) + intervalMs
  return state.lastEndMs === undefined ? byInterval : Math.max(byInterval, state.lastEndMs + minPauseMs)
}
