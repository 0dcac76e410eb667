/**
 * How a source finds timestamps and watermarks. A generator lives per split; what it says depends on the split's
 * records only, and its state is in every checkpoint. A watermark `w` promises that no record of the split with a
 * timestamp ≤ `w` follows.
 */
import type { PlainValue } from '../connector/plain-value.ts'

/** Timestamps and watermarks of a source's records. */
export interface WatermarkStrategy<T> {
  /** Name for the plan: `ascending`, `bounded`, `custom`. */
  readonly name: string
  /** Event time of a record in epoch ms; must be finite (`TIMESTAMP_INVALID`). */
  readonly timestamp: (record: T) => number
  createGenerator(): WatermarkGenerator<T>
  /** After this long without a record (processing time, unbounded splits only) the split no longer holds the watermark. */
  readonly idleTimeoutMs: number | undefined
}

/** Follows one split. */
export interface WatermarkGenerator<T> {
  onRecord(timestamp: number, record: T): void
  /** The current watermark, −Infinity when nothing can be promised yet. Never decreases (the engine holds it). */
  current(): number
  snapshot(): PlainValue
  restore(state: PlainValue): void
}
