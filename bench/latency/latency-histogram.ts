/**
 * How often each latency was seen, in buckets that are at most 1 % wide, so that a run of any length takes the same memory
 * and the far tail is there. Latencies are in ms, from 1 µs to a day; what is outside counts at the end.
 */

const UNITS_PER_MS = 1_000
/** Below this many µs each has a bucket of its own; above, each doubling has half as many. */
const SUB_BUCKETS = 256
const HALF = SUB_BUCKETS / 2
const UNITS_MAX = 86_400_000 * UNITS_PER_MS
const BUCKETS = indexOf(UNITS_MAX) + 1

/** As it travels: the buckets that have any, each with its count, and the largest latency. */
export interface HistogramData {
  readonly [key: string]: readonly (readonly [number, number])[] | number
  readonly buckets: readonly (readonly [number, number])[]
  readonly maxMs: number
}

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS)
  count = 0
  maxMs = 0

  record(latencyMs: number, times = 1): void {
    const units = Math.min(UNITS_MAX, Math.max(0, Math.round(latencyMs * UNITS_PER_MS)))
    const index = indexOf(units)
    this.#counts[index] = (this.#counts[index] as number) + times
    this.count += times
    if (latencyMs > this.maxMs) this.maxMs = latencyMs
  }

  addAll({ buckets, maxMs }: HistogramData): void {
    for (const [index, times] of buckets) {
      this.#counts[index] = (this.#counts[index] as number) + times
      this.count += times
    }
    this.maxMs = Math.max(this.maxMs, maxMs)
  }

  /** The smallest latency in ms, to the upper end of its bucket, that at least this share of all does not exceed; NaN for none. */
  percentile(share: number): number {
    const wanted = Math.ceil(share * this.count)
    let seen = 0
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] as number
      if (seen >= wanted && seen > 0) return Math.min(this.maxMs, highestOf(index) / UNITS_PER_MS)
    }
    return Number.NaN
  }

  toData(): HistogramData {
    const buckets: [number, number][] = []
    for (let index = 0; index < BUCKETS; index++) {
      const times = this.#counts[index] as number
      if (times > 0) buckets.push([index, times])
    }
    return { buckets, maxMs: this.maxMs }
  }

  clear(): void {
    this.#counts.fill(0)
    this.count = 0
    this.maxMs = 0
  }
}

function indexOf(units: number): number {
  if (units < SUB_BUCKETS) return units
  const doublings = Math.floor(Math.log2(units)) - Math.log2(HALF)
  return doublings * HALF + Math.floor(units / 2 ** doublings)
}

/** The largest number of units that falls into a bucket. */
function highestOf(index: number): number {
  if (index < SUB_BUCKETS) return index
  const doublings = Math.floor(index / HALF) - 1
  return (index - doublings * HALF + 1) * 2 ** doublings - 1
}
