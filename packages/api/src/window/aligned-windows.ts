/** Declares windows of a fixed size, aligned to the epoch (UTC). */
import { checkOptions, invalidOption } from '../option/check-options.ts'
import { type Duration, parseDurationMs } from '../time/duration.ts'
import type { WindowAssigner } from './window-assigner.ts'

/** Options of `tumbling`. */
export interface TumblingOptions {
  readonly size: Duration
  /** Moves the start of every window by this much, less than `size`; default none. Days in UTC+1 start at 23:00 UTC: `23 h`. */
  readonly offset?: Duration
}

/** Options of `sliding`. */
export interface SlidingOptions {
  readonly size: Duration
  /** How far apart windows start. Longer than `size`, it leaves gaps whose records belong to no window. */
  readonly slide: Duration
  /** Moves the start of every window by this much, less than `slide`; default none. */
  readonly offset?: Duration
}

/** Windows that follow each other without overlap. */
export function tumbling(options: TumblingOptions): WindowAssigner {
  checkOptions('tumbling', options, ['size', 'offset'])
  const sizeMs = parseDurationMs(options.size)
  return { kind: 'tumbling', sizeMs, slideMs: sizeMs, offsetMs: parseOffsetMs('tumbling', options.offset, sizeMs) }
}

/** Windows that start every `slide` and hold the records of `size`: a record belongs to about size ÷ slide windows. */
export function sliding(options: SlidingOptions): WindowAssigner {
  checkOptions('sliding', options, ['size', 'slide', 'offset'])
  const sizeMs = parseDurationMs(options.size)
  const slideMs = parseDurationMs(options.slide)
  return { kind: 'sliding', sizeMs, slideMs, offsetMs: parseOffsetMs('sliding', options.offset, slideMs) }
}

function parseOffsetMs(call: string, offset: Duration | undefined, slideMs: number): number {
  if (offset === undefined) return 0
  const offsetMs = parseDurationMs(offset, { allowZero: true })
  if (offsetMs >= slideMs) {
    throw invalidOption(call, 'offset', offset, `shorter than the distance between windows (${slideMs} ms)`)
  }
  return offsetMs
}
