/**
 * What is remembered about checkpoints, in Flink's notions: counts, the last ten by phase and subtask, the latest of
 * each kind, and summaries over the completed ones. Bounded; immutable data, fit for REST and terminal.
 */
import type { ErrorCode } from '@millrace/api'
import type { CheckpointId, SnapshotKind } from '../channel/stream-element.ts'

/** Ended checkpoints kept with all their subtasks. */
export const CHECKPOINT_HISTORY_MAX = 10
/** Samples that percentiles are computed from: the newest this many completed checkpoints. */
const SAMPLES_MAX = 1_000

export type CheckpointStatus = 'IN_PROGRESS' | 'COMPLETED' | 'FAILED'

/** What one subtask measured. Sizes in bytes. */
export interface SubtaskMeasures {
  /** Fixing what belongs to the snapshot; processing stands still. */
  readonly syncDurationMs: number
  /** Encoding and writing beside processing. */
  readonly asyncDurationMs: number
  readonly alignmentDurationMs: number
  readonly startDelayMs: number
  /** Read from channels while the barriers were aligned. */
  readonly processedBytes: number
  /** In-flight data within the snapshot; 0 with aligned barriers. */
  readonly persistedBytes: number
  /** Whether the barrier overtook data in flight; left out: it did not. */
  readonly isUnaligned?: boolean
  /** Newly written by this checkpoint. */
  readonly checkpointedBytes: number
  /** All that the checkpoint names for this subtask, older segments included. */
  readonly stateBytes: number
}

export interface SubtaskRecord extends SubtaskMeasures {
  readonly subtask: number
  readonly acknowledgedAtMs: number
  readonly endToEndDurationMs: number
}

export interface VertexRecord {
  readonly vertexId: string
  /** By subtask; `undefined` where none has come yet. */
  readonly subtasks: readonly (SubtaskRecord | undefined)[]
}

export interface CheckpointRecord {
  readonly id: CheckpointId
  readonly status: CheckpointStatus
  readonly kind: SnapshotKind
  readonly isFinal: boolean
  readonly triggeredAtMs: number
  readonly latestAckAtMs: number | undefined
  /** Completed: to the last acknowledgement. Failed: to the failure. In progress: `undefined`. */
  readonly endToEndDurationMs: number | undefined
  readonly checkpointedBytes: number
  readonly stateBytes: number
  readonly processedBytes: number
  readonly persistedBytes: number
  readonly subtaskCount: number
  readonly acknowledgedSubtaskCount: number
  readonly externalPath: string | undefined
  /** No longer on disk. */
  readonly discarded: boolean
  readonly failure: CheckpointFailure | undefined
  readonly vertices: readonly VertexRecord[]
}

export interface CheckpointFailure {
  readonly code: ErrorCode
  readonly message: string
  readonly atMs: number
}

export interface RestoredRecord {
  readonly id: CheckpointId
  readonly restoredAtMs: number
  readonly isSavepoint: boolean
  readonly externalPath: string | undefined
}

export interface CheckpointCounts {
  readonly restored: number
  readonly total: number
  readonly inProgress: number
  readonly completed: number
  readonly failed: number
}

/** Of a series of numbers; percentiles are of the newest 1,000. */
export interface NumberSummary {
  readonly count: number
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly samples: readonly number[]
}

export interface CheckpointSummary {
  readonly checkpointedBytes: NumberSummary
  readonly stateBytes: NumberSummary
  readonly endToEndDurationMs: NumberSummary
  readonly processedBytes: NumberSummary
  readonly persistedBytes: NumberSummary
}

export interface CheckpointStatistics {
  readonly counts: CheckpointCounts
  readonly summary: CheckpointSummary
  readonly latest: {
    readonly completed: CheckpointRecord | undefined
    readonly failed: CheckpointRecord | undefined
    readonly savepoint: CheckpointRecord | undefined
    readonly restored: RestoredRecord | undefined
  }
  /** Newest first. */
  readonly history: readonly CheckpointRecord[]
}

const EMPTY_SUMMARY: NumberSummary = { count: 0, min: 0, max: 0, sum: 0, samples: [] }

export const EMPTY_STATISTICS: CheckpointStatistics = {
  counts: { restored: 0, total: 0, inProgress: 0, completed: 0, failed: 0 },
  summary: {
    checkpointedBytes: EMPTY_SUMMARY,
    stateBytes: EMPTY_SUMMARY,
    endToEndDurationMs: EMPTY_SUMMARY,
    processedBytes: EMPTY_SUMMARY,
    persistedBytes: EMPTY_SUMMARY,
  },
  latest: { completed: undefined, failed: undefined, savepoint: undefined, restored: undefined },
  history: [],
}

export function withTriggered(statistics: CheckpointStatistics): CheckpointStatistics {
  const { counts } = statistics
  return { ...statistics, counts: { ...counts, total: counts.total + 1, inProgress: counts.inProgress + 1 } }
}

/** Adds a checkpoint that ended: `COMPLETED` or `FAILED`. */
export function withEnded(statistics: CheckpointStatistics, record: CheckpointRecord): CheckpointStatistics {
  const { counts, latest } = statistics
  const isCompleted = record.status === 'COMPLETED'
  const history = [record, ...statistics.history].sort((a, b) => b.id - a.id).slice(0, CHECKPOINT_HISTORY_MAX)
  const inProgress = counts.inProgress - 1
  if (!isCompleted) {
    const failed = { ...counts, inProgress, failed: counts.failed + 1 }
    return { ...statistics, counts: failed, history, latest: { ...latest, failed: record } }
  }
  return {
    counts: { ...counts, inProgress, completed: counts.completed + 1 },
    summary: withSample(statistics.summary, record),
    history,
    latest: { ...latest, completed: record },
  }
}

export function withRestored(statistics: CheckpointStatistics, record: RestoredRecord): CheckpointStatistics {
  const counts = { ...statistics.counts, restored: statistics.counts.restored + 1 }
  return { ...statistics, counts, latest: { ...statistics.latest, restored: record } }
}

/** A completed checkpoint was also written as a savepoint. */
export function withExported(
  statistics: CheckpointStatistics,
  id: CheckpointId,
  externalPath: string,
): CheckpointStatistics {
  const record = statistics.history.find((each) => each.id === id)
  if (record === undefined) return statistics
  const savepoint: CheckpointRecord = { ...record, kind: 'savepoint', externalPath, discarded: false }
  return {
    ...statistics,
    history: statistics.history.map((each) => (each === record ? savepoint : each)),
    latest: { ...statistics.latest, savepoint },
  }
}

/** Marks a checkpoint as no longer on disk. Savepoints are their owner's, and stay. */
export function withDiscarded(statistics: CheckpointStatistics, id: CheckpointId): CheckpointStatistics {
  const mark = (record: CheckpointRecord): CheckpointRecord =>
    record.id === id && record.kind !== 'savepoint' ? { ...record, discarded: true } : record
  const { completed } = statistics.latest
  return {
    ...statistics,
    history: statistics.history.map(mark),
    latest: { ...statistics.latest, completed: completed && mark(completed) },
  }
}

/** `record` with one more acknowledgement. */
export function withAcknowledged(
  record: CheckpointRecord,
  vertexId: string,
  subtask: number,
  measures: SubtaskMeasures,
  nowMs: number,
): CheckpointRecord {
  const acknowledged: SubtaskRecord = {
    ...measures,
    subtask,
    acknowledgedAtMs: nowMs,
    endToEndDurationMs: nowMs - record.triggeredAtMs,
  }
  return {
    ...record,
    latestAckAtMs: nowMs,
    acknowledgedSubtaskCount: record.acknowledgedSubtaskCount + 1,
    checkpointedBytes: record.checkpointedBytes + measures.checkpointedBytes,
    stateBytes: record.stateBytes + measures.stateBytes,
    processedBytes: record.processedBytes + measures.processedBytes,
    persistedBytes: record.persistedBytes + measures.persistedBytes,
    vertices: record.vertices.map((vertex) =>
      vertex.vertexId === vertexId ? { vertexId, subtasks: vertex.subtasks.with(subtask, acknowledged) } : vertex,
    ),
  }
}

/** The value below which `share` (0…1) of the samples lie, interpolated as Flink does; NaN without samples. */
export function percentileOf(summary: NumberSummary, share: number): number {
  const sorted = [...summary.samples].sort((a, b) => a - b)
  const position = share * (sorted.length + 1)
  const index = Math.floor(position)
  if (sorted.length === 0) return Number.NaN
  if (index < 1) return sorted[0] as number
  if (index >= sorted.length) return sorted[sorted.length - 1] as number
  const lower = sorted[index - 1] as number
  return lower + (position - index) * ((sorted[index] as number) - lower)
}

function withSample(summary: CheckpointSummary, record: CheckpointRecord): CheckpointSummary {
  return {
    checkpointedBytes: addTo(summary.checkpointedBytes, record.checkpointedBytes),
    stateBytes: addTo(summary.stateBytes, record.stateBytes),
    endToEndDurationMs: addTo(summary.endToEndDurationMs, record.endToEndDurationMs ?? 0),
    processedBytes: addTo(summary.processedBytes, record.processedBytes),
    persistedBytes: addTo(summary.persistedBytes, record.persistedBytes),
  }
}

function addTo(summary: NumberSummary, value: number): NumberSummary {
  const isFirst = summary.count === 0
  return {
    count: summary.count + 1,
    min: isFirst ? value : Math.min(summary.min, value),
    max: isFirst ? value : Math.max(summary.max, value),
    sum: summary.sum + value,
    samples: [...summary.samples.slice(-(SAMPLES_MAX - 1)), value],
  }
}
