/**
 * A source at a rate. Each record is stamped with the time when it was due, not with the time when it was made: an engine that
 * is behind meets records whose latency has been running since they were due, as records of an outside system would have waited
 * (no coordinated omission). Nothing is forgone and no rate is lowered when the engine is slow.
 *
 * Like a client of a broker it looks every millisecond for what is due. It is unbounded for the engine, so that watermarks go
 * out by the clock too, but ends after its time. Not for restarts: a rate has no meaning across them.
 */
import type { Source, SplitReader } from '@millrace/api'
import { monotonicMs } from './monotonic-clock.ts'

/** Counts all records, and those that were given after the warm-up and before the time was over. */
export const PACED_RECORDS = 'paced-records'
export const PACED_IN_TIME = 'paced-in-time'
/**
 * How many records were due and not given at the best moment of the last second. A pause leaves a backlog for a moment; one
 * that is never worked off is of a job that does not keep up. Written once by each split.
 */
export const PACED_BACKLOG = 'paced-backlog'

export interface PacedOptions<T> {
  /** `dueMs` by `monotonicMs`. */
  readonly generate: (index: number, dueMs: number) => T
  /** Over all splits; undefined: as fast as they are taken, each due when it is. */
  readonly perSecond: number | undefined
  readonly warmUpMs: number
  /** After the warm-up. */
  readonly durationMs: number
  readonly splits: number
}

const POLL_MS = 1
const LAST_MS = 1_000

export function pacedSource<T>(options: PacedOptions<T>): Source<T, number> {
  return {
    kind: 'paced',
    options: {},
    boundedness: 'unbounded',
    replayable: true,
    enumerate: async () =>
      Array.from({ length: options.splits }, (_, first) => ({ id: `split-${first}`, payload: { first } })),
    async open(split, _position, context) {
      const { first } = split.payload as { readonly first: number }
      return readerOf(options, first, (ms) => context.delay(ms), context.count)
    },
  }
}

/** Exported for its test. `delay` and `now` are the clock. */
export function readerOf<T>(
  { generate, perSecond, warmUpMs, durationMs, splits }: PacedOptions<T>,
  first: number,
  delay: (ms: number) => Promise<void>,
  count: (metric: string, increment: number) => void,
  now: () => number = monotonicMs,
): SplitReader<T, number> {
  const perMs = perSecond === undefined ? undefined : perSecond / splits / 1_000
  let startMs: number | undefined
  let made = 0
  let hasGivenAll = false
  let backlogMin = Number.POSITIVE_INFINITY
  let isOver = false
  const endMs = warmUpMs + durationMs

  return {
    next(recordsMax) {
      if (!hasGivenAll) return batch(recordsMax)
      return delay(POLL_MS).then(() => batch(recordsMax))
    },
    position: () => made,
    async close() {},
  }

  function batch(recordsMax: number): { readonly records: T[]; readonly end: boolean } {
    const nowMs = now()
    startMs ??= nowMs
    const records: T[] = []
    const elapsedMs = Math.min(nowMs - startMs, endMs)
    const due = perMs === undefined ? made + recordsMax : Math.floor(elapsedMs * perMs)
    const to = Math.min(due, made + recordsMax)
    for (; made < to; made++) {
      records.push(generate(first + made * splits, perMs === undefined ? nowMs : startMs + (made + 1) / perMs))
    }
    count(PACED_RECORDS, records.length)
    if (elapsedMs >= warmUpMs && !isOver) count(PACED_IN_TIME, records.length)
    hasGivenAll = perMs !== undefined && made === due
    if (perMs !== undefined && !isOver && elapsedMs > endMs - LAST_MS) {
      backlogMin = Math.min(backlogMin, due - made)
      if (elapsedMs >= endMs) count(PACED_BACKLOG, backlogMin)
    }
    isOver = elapsedMs >= endMs
    return { records, end: isOver && (perMs === undefined || made === due) }
  }
}
