/**
 * Rows by their times: those of one time are linked, an index leads from the time to the first of them, and a queue holds the times.
 * Adding and taking out a row do not depend on how many there are, but for the queue's logarithm, and that once for each time.
 *
 * Invariant: every time that has rows stands in the queue, at least once; one that has none any more is passed over.
 */
import { HashIndex, hashKey, mixHash } from '@millrace/core'
import { NamespaceQueue } from './namespace-queue.ts'

const ROWS_FIRST = 16
const NONE = -1
/** The queue may hold so many times without rows, and as many as have some. */
const QUEUE_STALE_MIN = 1_024

export class RowsByTime {
  readonly #queue = new NamespaceQueue()
  readonly #firsts = new HashIndex()
  /** By row; NaN where the row is not in. */
  #times = new Float64Array(ROWS_FIRST).fill(Number.NaN)
  #next = new Int32Array(ROWS_FIRST)
  #previous = new Int32Array(ROWS_FIRST)
  /** Times that have rows. */
  #count = 0

  /** The earliest, or `undefined`. */
  get first(): number | undefined {
    const queue = this.#queue
    for (let time = queue.peek(); time !== undefined; time = queue.peek()) {
      if (this.#find(hashTime(time), time) >= 0) return time
      queue.pop()
    }
    return undefined
  }

  /** Whether a row is in with this time. */
  has(row: number, time: number): boolean {
    return this.#times[row] === time
  }

  /** Adds a row that is not in; `time` is not −0. */
  add(row: number, time: number): void {
    while (row >= this.#times.length) this.#grow()
    const mixed = hashTime(time)
    const first = this.#find(mixed, time)
    this.#times[row] = time
    if (first < 0) {
      this.#link(NONE, row)
      this.#link(row, NONE)
      this.#firsts.add(mixed, row)
      this.#count++
      this.#queue.push(time)
      if (this.#queue.size > this.#count * 2 + QUEUE_STALE_MIN) this.#rebuildQueue()
    } else {
      this.#link(row, this.#next[first] as number)
      this.#link(first, row)
    }
  }

  /** Takes out a row that is in. */
  remove(row: number): void {
    const time = this.#times[row] as number
    const next = this.#next[row] as number
    const previous = this.#previous[row] as number
    this.#times[row] = Number.NaN
    this.#link(previous, next)
    if (previous >= 0) return
    const mixed = hashTime(time)
    if (next >= 0) {
      this.#firsts.move(mixed, row, next)
    } else {
      this.#firsts.remove(mixed, row)
      this.#count--
    }
  }

  /** The rows of a time, at the moment. */
  rowsAt(time: number): readonly number[] {
    const rows: number[] = []
    for (let row = this.#find(hashTime(time), time); row >= 0; row = this.#next[row] as number) rows.push(row)
    return rows
  }

  /** All times, ascending. */
  times(): readonly number[] {
    return this.#firstRows()
      .map((row) => this.#times[row] as number)
      .sort((a, b) => a - b)
  }

  #find(mixed: number, time: number): number {
    const part = this.#firsts.partOf(mixed)
    for (let slot = part.first(mixed); ; slot = part.next(slot)) {
      const row = part.rowAt(slot)
      if (row < 0 || (part.hashAt(slot) === mixed && this.#times[row] === time)) return row
    }
  }

  /** Either may be none. */
  #link(row: number, next: number): void {
    if (row >= 0) this.#next[row] = next
    if (next >= 0) this.#previous[next] = row
  }

  #firstRows(): number[] {
    const rows: number[] = []
    this.#times.forEach((time, row) => {
      if (!Number.isNaN(time) && (this.#previous[row] as number) < 0) rows.push(row)
    })
    return rows
  }

  #rebuildQueue(): void {
    this.#queue.clear()
    for (const row of this.#firstRows()) this.#queue.push(this.#times[row] as number)
  }

  #grow(): void {
    const rows = this.#times.length
    const times = new Float64Array(rows * 2).fill(Number.NaN)
    times.set(this.#times)
    this.#times = times
    this.#next = grown(this.#next)
    this.#previous = grown(this.#previous)
  }
}

function hashTime(time: number): number {
  return mixHash(hashKey(time))
}

function grown(words: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(words.length * 2)
  larger.set(words)
  return larger
}
