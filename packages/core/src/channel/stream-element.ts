/** What travels through a channel, in order. */
import type { RecordBatch } from '../batch/record-batch.ts'

export type CheckpointId = number

/** How a barrier is treated; `at-least-once` never blocks a channel. */
export type CheckpointMode = 'exactly-once' | 'at-least-once'

export interface CheckpointBarrier {
  readonly kind: 'barrier'
  readonly checkpointId: CheckpointId
  /** When the coordinator triggered it, epoch ms. */
  readonly triggeredAtMs: number
  /**
   * The newest checkpoint that was complete at the trigger, 0 for none. Messages and barriers take different ways: a task
   * may meet the barrier before it is told of that completion, and must then build on it all the same.
   */
  readonly lastCompletedId: CheckpointId
  readonly snapshotKind: SnapshotKind
}

/** `checkpoint` may write deltas; the others write bases. `savepoint` is meant to leave the checkpoint folder. */
export type SnapshotKind = 'checkpoint' | 'full-checkpoint' | 'savepoint'

export type StreamElement =
  | { readonly kind: 'batch'; readonly batch: RecordBatch }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  /** Whether the sender currently holds the watermark back. */
  | { readonly kind: 'status'; readonly idle: boolean }
  | CheckpointBarrier
  /** No records and watermarks follow, now or later; barriers still do (decision 0003). */
  | { readonly kind: 'end' }

/** The writing end of one logical channel (one upstream subtask → one downstream subtask of an exchange). */
export interface ChannelWriter {
  /**
   * Hands an element over, or returns false when there is no room: then the writer's task is woken when there is room
   * again. A large batch may by then be in the channel in part, so a refused element is offered again, the same object
   * unchanged, until it is accepted, and nothing else before. Elements arrive in the order in which they were accepted,
   * a batch possibly as several smaller ones.
   */
  offer(element: StreamElement): boolean
  /** Bytes of everything accepted so far (estimated for hand-over by reference). */
  readonly writtenBytes: number
  /** Bytes accepted and not yet read. */
  readonly queuedBytes: number
  /**
   * Tells the reader past all that is queued that this barrier is offered next, behind what was offered before it. Until it
   * is accepted a reader that holds the channel back does not do so.
   */
  announce(barrier: CheckpointBarrier): void
  /** Whether the reader holds the channel back now; then the writer's task is woken when it no longer does. */
  readonly isHeldBack: boolean
}

/** The reading end. */
export interface ChannelReader {
  /** Removes and returns the next element, or `undefined` when there is none now. */
  poll(): StreamElement | undefined
  /**
   * Whether a call of `poll` is due. It may still return `undefined`, when only part of an element is there: polling
   * then makes room for the rest. After a false `hasNext`, as after a `poll` that returned nothing, the reading task is
   * woken when something arrives.
   */
  readonly hasNext: boolean
  /** Bytes waiting (estimated for hand-over by reference). */
  readonly queuedBytes: number
  /** Bytes of everything read so far (estimated for hand-over by reference). */
  readonly readBytes: number
  /** The barrier that the writer announced last; it may have been read since. */
  readonly announced: CheckpointBarrier | undefined
  /**
   * While held back a channel has no room, however empty it is: the reader has taken more out of it than its task has
   * worked off. Only what leads up to a barrier that was announced still comes through.
   */
  holdBack(isHeld: boolean): void
}
