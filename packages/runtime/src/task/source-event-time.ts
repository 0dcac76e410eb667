/**
 * The event time of one source subtask: the watermarks of its splits, merged, and pushed on when that advances. A split has one
 * every so many of its records; of one without end they go out also by the clock while its reader waits, and after a long
 * quiet it is idle, so that it holds nothing back.
 *
 * What it keeps: marks by the clock neither move nor reset the count of records, so that a restore finds the same marks at
 * the same records.
 */
import type { WatermarkGenerator } from '@millrace/api'
import { NO_TIMESTAMP, WATERMARK_MAX, WatermarkMerge } from '@millrace/core'
import type { SourceFailures, SplitPlace } from './source-failures.ts'

/** How long a record of an unbounded split waits for its watermark while the reader waits. Flink's auto-watermark interval. */
const CLOCK_WATERMARK_MS = 200

/** What a split is for event time. */
export interface TimedSplit extends SplitPlace {
  /** Among the splits of this subtask. */
  readonly index: number
  readonly generator: WatermarkGenerator<unknown> | undefined
  watermark: number
  /** Its reader has to wait. */
  readonly isWaiting: boolean
  readonly ended: boolean
  isIdle: boolean
  /** Since when it has had no record though it was asked; undefined while it has some. Monotonic ms. */
  quietSinceMs: number | undefined
  /** When the first record went in that no watermark has followed yet; undefined: there is none. Monotonic ms. */
  unmarkedSinceMs: number | undefined
}

export interface SourceEventTimeOptions {
  readonly isBounded: boolean
  /** One split is read after the other. */
  readonly isSequential: boolean
  readonly idleTimeoutMs: number | undefined
  readonly failures: SourceFailures
  readonly monotonicMs: () => number
  /** For errors. */
  readonly recordsRead: () => number
  readonly push: (watermark: number) => void
}

export class SourceEventTime {
  readonly #splits: readonly TimedSplit[]
  readonly #options: SourceEventTimeOptions
  readonly #merge: WatermarkMerge
  #pushed = NO_TIMESTAMP

  constructor(splits: readonly TimedSplit[], options: SourceEventTimeOptions) {
    this.#splits = splits
    this.#options = options
    this.#merge = new WatermarkMerge(splits.length)
  }

  /** Whether every split that is read now is idle: the subtask then holds no event time. */
  get isIdle(): boolean {
    // Sequential splits whose turn has not come are idle for the merge only: event time stays where the last one left it.
    return this.#merge.isIdle && this.#splits.some(({ ended, isIdle }) => isIdle && !ended)
  }

  /** What is known before anything is read. It goes out with `pushMerged`. */
  start(): void {
    for (const { index, watermark, split } of this.#splits) {
      this.#merge.onWatermark(index, Math.max(watermark, (split.timestampMin ?? NO_TIMESTAMP) - 1))
      if (this.#options.isSequential && index > 0) this.#merge.onStatus(index, true)
    }
  }

  /** The turn of a sequential split has come. */
  onTurn({ index }: TimedSplit): void {
    this.#merge.onStatus(index, false)
  }

  /** Records of it go in. */
  onRecords(split: TimedSplit): void {
    split.quietSinceMs = undefined
    this.startMarkClock(split)
    if (!split.isIdle) return
    split.isIdle = false
    this.#merge.onStatus(split.index, false)
  }

  /** It has records that no watermark has followed yet. */
  startMarkClock(split: TimedSplit): void {
    if (split.unmarkedSinceMs !== undefined || this.#options.isBounded) return
    if (split.generator !== undefined) split.unmarkedSinceMs = this.#options.monotonicMs()
  }

  /** Takes over what its generator says now. */
  advance(split: TimedSplit): void {
    split.unmarkedSinceMs = undefined
    const watermark = this.#currentOf(split)
    if (Number.isNaN(watermark)) {
      throw this.#options.failures.invalidTime('watermark', watermark, split, this.#options.recordsRead())
    }
    if (watermark <= split.watermark) return
    split.watermark = watermark
    this.#merge.onWatermark(split.index, watermark)
    this.pushMerged()
  }

  /** Its last record has gone in. */
  onEnd(split: TimedSplit): void {
    if (split.generator !== undefined) this.advance(split)
    this.#merge.onEnd(split.index)
    const next = this.#splits[split.index + 1]
    // Event time goes on where it was: what has been sent must be sent again after a restore within the next split.
    if (this.#options.isSequential && next !== undefined) next.watermark = Math.max(next.watermark, this.#pushed)
    // What the others allow goes out now; when this was the last split, the end sends the maximum.
    if (!this.#merge.isEnded) this.pushMerged()
  }

  pushMerged(): void {
    const { merged } = this.#merge
    if (merged <= this.#pushed || merged === WATERMARK_MAX) return
    this.#pushed = merged
    this.#options.push(merged)
  }

  /** When `advanceWaiting` has something to do though no reader has anything; monotonic ms. */
  nextDueMs(): number | undefined {
    if (this.#options.isBounded) return undefined
    const idleTimeoutMs = this.#options.idleTimeoutMs ?? Number.POSITIVE_INFINITY
    let due = Number.POSITIVE_INFINITY
    for (const split of this.#splits) {
      if (!isOnTheClock(split)) continue
      const { unmarkedSinceMs, quietSinceMs } = split
      if (unmarkedSinceMs !== undefined) due = Math.min(due, unmarkedSinceMs + CLOCK_WATERMARK_MS)
      if (quietSinceMs !== undefined) due = Math.min(due, quietSinceMs + idleTimeoutMs)
    }
    return due === Number.POSITIVE_INFINITY ? undefined : due
  }

  /**
   * Unbounded splits only, while their reader waits: sends the watermark that is due by the clock, and marks a long
   * quiet one idle. A waiting reader has no batch in work, so the generator has seen exactly what a snapshot says.
   */
  advanceWaiting(): void {
    const { isBounded, idleTimeoutMs, monotonicMs } = this.#options
    if (isBounded) return
    const now = monotonicMs()
    for (const split of this.#splits) {
      if (!isOnTheClock(split)) continue
      if (now - (split.unmarkedSinceMs ?? now) >= CLOCK_WATERMARK_MS) this.advance(split)
      if (idleTimeoutMs === undefined || now - (split.quietSinceMs ?? now) < idleTimeoutMs) continue
      // What it had counts first: an idle split is not looked at again.
      if (split.unmarkedSinceMs !== undefined) this.advance(split)
      split.isIdle = true
      this.#merge.onStatus(split.index, true)
      this.pushMerged()
    }
  }

  #currentOf({ generator }: TimedSplit): number {
    try {
      return generator?.current() ?? NO_TIMESTAMP
    } catch (cause) {
      throw this.#options.failures.ofStrategy('watermark', cause)
    }
  }
}

/** Whether time alone may change what this split says: its reader waits, and it still holds event time. */
function isOnTheClock({ ended, isWaiting, isIdle }: TimedSplit): boolean {
  return isWaiting && !isIdle && !ended
}
