/**
 * Where windows lie, and how they are cut into slices: the arithmetic of aligned windows, without any state.
 *
 * Windows start at `offset + n × slide` and are `size` long. Slices are the pieces between neighbouring starts and ends
 * of windows, so that every window is a whole number of slices and every timestamp is in exactly one. Per slide there
 * are one or two: `[start, start + size mod slide)` and the rest. (Slices as long as the greatest common divisor of
 * size and slide would do too, but would be far more when the two have little in common.) With `slide > size` there are
 * gaps between windows, which belong to no slice.
 */
import type { WindowAssigner } from '@millrace/api'

export class WindowLayout {
  readonly sizeMs: number
  readonly slideMs: number
  readonly #offsetMs: number
  /** Length of the first slice of each slide; the second one has the rest. */
  readonly #firstSliceMs: number

  /** What `locate` found. `sliceStart` is NaN when it found nothing, so that no timestamp is within the slice. */
  sliceStart = Number.NaN
  sliceEnd = Number.NaN
  /** Ends of the first and last window that hold the slice; those between lie at steps of `slideMs`. */
  firstWindowEnd = Number.NaN
  lastWindowEnd = Number.NaN

  constructor(assigner: WindowAssigner) {
    this.sizeMs = assigner.sizeMs
    this.slideMs = assigner.slideMs
    this.#offsetMs = assigner.offsetMs
    this.#firstSliceMs =
      Math.min(assigner.sizeMs, assigner.slideMs) === assigner.sizeMs
        ? assigner.sizeMs
        : assigner.sizeMs % assigner.slideMs || assigner.slideMs
  }

  /** Finds the slice of a timestamp (finite) and the windows that hold it; false in a gap between windows. */
  locate(timestamp: number): boolean {
    const start = this.#lastStart(timestamp)
    const within = Math.floor(timestamp) - start
    const middle = start + this.#firstSliceMs
    if (within < this.#firstSliceMs) {
      this.sliceStart = start
      this.sliceEnd = middle
    } else if (this.sizeMs > this.slideMs) {
      this.sliceStart = middle
      this.sliceEnd = start + this.slideMs
    } else {
      this.sliceStart = Number.NaN
      return false
    }
    this.firstWindowEnd = this.windowEndFrom(this.sliceEnd)
    this.lastWindowEnd = start + this.sizeMs
    return true
  }

  /** The end of the last window that holds the slice which ends at `sliceEnd`. */
  lastWindowEndOf(sliceEnd: number): number {
    return this.#lastStart(sliceEnd - 1) + this.sizeMs
  }

  /** The first window end at or after `time`. */
  windowEndFrom(time: number): number {
    return this.#lastStart(time - this.sizeMs - 1) + this.slideMs + this.sizeMs
  }

  /** Whether neighbouring windows have slices in common. */
  get isOverlapping(): boolean {
    return this.sizeMs > this.slideMs
  }

  /**
   * The block that a window ends in, its beginning, the border, and the number of the first window that ends in a later
   * one. Borders are starts of windows, evenly spaced by the least whole number of slides that is no less than a window;
   * so at most one is within a window.
   */
  blockOf(windowEnd: number): { readonly block: number; readonly border: number; readonly nextBlockFrom: number } {
    const lengthMs = Math.ceil(this.sizeMs / this.slideMs) * this.slideMs
    const block = Math.floor((windowEnd - this.#offsetMs) / lengthMs)
    const border = block * lengthMs + this.#offsetMs
    return { block, border, nextBlockFrom: this.windowFrom(border + lengthMs - this.sizeMs) }
  }

  /** The number of the first window that starts at or after `time`; windows are numbered by their starts. */
  windowFrom(time: number): number {
    return Math.ceil((time - this.#offsetMs) / this.slideMs)
  }

  /** Whether a window ends with a maximum timestamp above `after` and at or below `upTo`. */
  hasEndBetween(after: number, upTo: number): boolean {
    if (!Number.isFinite(after) || !Number.isFinite(upTo)) return upTo > after
    return this.windowEndFrom(Math.floor(after) + 2) <= upTo + 1
  }

  /** The last window start at or before a timestamp; right for negative timestamps and those with fractions. */
  #lastStart(timestamp: number): number {
    const time = Math.floor(timestamp) - this.#offsetMs
    const remainder = time % this.slideMs
    return time - (remainder < 0 ? remainder + this.slideMs : remainder) + this.#offsetMs
  }
}
