/**
 * Rows by their times: those of one time are linked, an index leads from the time to the first of them, and a queue holds the first
 * row of each time. Adding and taking out a row do not depend on how many there are, but for the queue's logarithm, and that once for
 * each time.
 *
 * Invariants: exactly the first rows are in the queue and in the index. A walk that goes on stands at a row that is in: who takes that
 * row out moves it on.
 */
import { HashIndex, hashKey, mixHash } from '@millrace/core'
import { RowQueue } from '../row-queue.ts'

const ROWS_FIRST = 16
const NONE = -1

export class RowsByTime {
  readonly #queue: RowQueue
  readonly #firsts = new HashIndex()
  /** By row; NaN where the row is not in. */
  #times = new Float64Array(ROWS_FIRST).fill(Number.NaN)
  #next = new Int32Array(ROWS_FIRST)
  #previous = new Int32Array(ROWS_FIRST)
  /** That was the first row of its time when it was last looked for. */
  #lastFirst = NONE
  readonly #walks: RowWalk[] = []

  /** `queue`: an empty one. */
  constructor(queue: RowQueue = new RowQueue()) {
    this.#queue = queue
  }

  /** The earliest, or `undefined`. */
  get first(): number | undefined {
    return this.#queue.first
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
      this.#queue.add(row, time)
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
    if (this.#walks.length > 0) this.#moveWalks(row, next)
    if (previous >= 0) return
    const mixed = hashTime(time)
    if (next >= 0) {
      this.#firsts.move(mixed, row, next)
      this.#queue.replace(row, next)
    } else {
      this.#firsts.remove(mixed, row)
      this.#queue.remove(row)
    }
  }

  /**
   * A walk over the rows of a time: each that is in now and not taken out before it is met, once; those that are added meanwhile
   * may be met or not. The first row comes last: taking out another one does not touch the index.
   */
  walk(time: number): RowWalk {
    const first = this.#firstRow(time)
    const walk = new RowWalk(first < 0 ? NONE : (this.#next[first] as number), first, this)
    if (first >= 0) this.#walks.push(walk)
    return walk
  }

  countAt(time: number): number {
    let count = 0
    for (let row = this.#firstRow(time); row >= 0; row = this.#next[row] as number) count++
    return count
  }

  /** The row behind another one of its time, or −1; for `RowWalk`. */
  after(row: number): number {
    return this.#next[row] as number
  }

  /** A walk is at its end; for `RowWalk`. */
  forget(walk: RowWalk): void {
    const at = this.#walks.indexOf(walk)
    if (at >= 0) this.#walks.splice(at, 1)
  }

  /** All times, ascending. */
  times(): readonly number[] {
    return this.#queue.numbers
  }

  #moveWalks(row: number, next: number): void {
    // From behind: a walk that is moved to its end is forgotten.
    for (let i = this.#walks.length - 1; i >= 0; i--) (this.#walks[i] as RowWalk).onRemoved(row, next)
  }

  /** −1 when the time has no rows. */
  #firstRow(time: number): number {
    const last = this.#lastFirst
    if (last >= 0 && this.#times[last] === time && (this.#previous[last] as number) < 0) return last
    const row = this.#find(hashTime(time), time)
    if (row >= 0) this.#lastFirst = row
    return row
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

  #grow(): void {
    const rows = this.#times.length
    const times = new Float64Array(rows * 2).fill(Number.NaN)
    times.set(this.#times)
    this.#times = times
    this.#next = grown(this.#next)
    this.#previous = grown(this.#previous)
  }
}

/** Resumable, whatever comes and goes: `next` until −1. */
export class RowWalk {
  readonly #rows: RowsByTime
  /** The next one but for the first row of the time, or none. */
  #at: number
  /** The first row of the time when the walk began, as long as it is in and was not met. */
  #last: number

  constructor(at: number, last: number, rows: RowsByTime) {
    this.#at = at
    this.#last = last
    this.#rows = rows
  }

  next(): number {
    const row = this.#at
    if (row >= 0) {
      this.#at = this.#rows.after(row)
      return row
    }
    const last = this.#last
    this.#last = NONE
    this.#rows.forget(this)
    return last
  }

  /** A row was taken out, and `next` stands in its place. */
  onRemoved(row: number, next: number): void {
    if (row === this.#at) this.#at = next
    else if (row === this.#last) this.#last = NONE
    if (this.#at < 0 && this.#last < 0) this.#rows.forget(this)
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
