/** What a task asks of its slot. */
import type { CheckpointId, SegmentRef, SnapshotPiece, SubtaskSnapshot } from '@millrace/core'

export interface TaskId {
  readonly vertexId: string
  readonly subtask: number
}

/** Times and sizes of one subtask's part of a checkpoint, in Flink's phases. Durations in ms. */
export interface SubtaskCheckpointStats {
  readonly startDelayMs: number
  readonly alignmentDurationMs: number
  readonly syncDurationMs: number
  readonly asyncDurationMs: number
  /** Read from channels while barriers were aligned. */
  readonly processedBytes: number
  /** Written by this checkpoint. */
  readonly checkpointedBytes: number
  /** Named by this checkpoint, older segments included. */
  readonly stateBytes: number
}

export interface TaskEvents {
  /** The subtask's part of a checkpoint is durable. */
  onSnapshot(id: CheckpointId, snapshot: SubtaskSnapshot, stats: SubtaskCheckpointStats): void
  onDeclined(id: CheckpointId, error: unknown): void
  /** Everything prepared up to this checkpoint is committed (sinks only). */
  onCommitted(id: CheckpointId): void
  /** The input has ended and everything was handed on. */
  onEnded(): void
  onFailed(error: unknown): void
  /** Something happened outside a turn: the task wants one. */
  wake(): void
}

/** Stores the pieces of a subtask's snapshot durably and says where each one is, in the order given. */
export interface SnapshotStore {
  write(id: CheckpointId, task: TaskId, pieces: readonly SnapshotPiece[]): Promise<readonly SegmentRef[]>
}
