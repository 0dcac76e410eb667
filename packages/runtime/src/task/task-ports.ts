/** What a task asks of its slot. */
import type { CheckpointId, SegmentRef, SnapshotPiece, SubtaskMeasures, SubtaskSnapshot } from '@millrace/core'

export interface TaskId {
  readonly vertexId: string
  readonly subtask: number
}

export interface TaskEvents {
  /** The subtask's part of a checkpoint is durable. */
  onSnapshot(id: CheckpointId, snapshot: SubtaskSnapshot, stats: SubtaskMeasures): void
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
  write(
    id: CheckpointId,
    task: TaskId,
    pieces: readonly Pick<SnapshotPiece, 'kind' | 'bytes' | 'entries'>[],
    /** Data in flight; else segments of keyed state. */
    isInFlight?: boolean,
  ): Promise<readonly SegmentRef[]>
}
