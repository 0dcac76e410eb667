/** What a task asks of its slot. */
import type { CheckpointId, SubtaskMeasures, SubtaskSnapshot } from '@millrace/core'
import type { SegmentWriting } from '../checkpoint-storage/checkpoint-storage.ts'

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

/** Stores a subtask's part of a checkpoint. */
export interface SnapshotStore {
  /** `isInFlight`: data in flight; else segments of keyed state. Nothing is stored before something is written. */
  begin(id: CheckpointId, task: TaskId, isInFlight?: boolean): SegmentWriting
}
