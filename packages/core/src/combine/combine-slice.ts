/**
 * The accumulators of one slice in a combiner: a column for each part of the aggregate, by the number of the key. A
 * column is typed as long as its accumulators are numbers.
 */
import type { Accumulator } from '../window/window-contents.ts'

/** By the number of a key. */
export type AccumulatorColumn = Float64Array | unknown[]

const CAPACITY_FIRST = 512

export class CombineSlice {
  /** NaN when it is not in use, so that no timestamp is within. */
  start = Number.NaN
  /** Names the slice; as in `WindowLayout`. */
  end = Number.NaN
  /** The first of its windows to fire. */
  firstWindowEnd = Number.NaN
  /** 1 for keys that have an accumulator here. */
  seen = new Uint8Array(CAPACITY_FIRST)
  /** Their numbers, in the order in which they came. */
  numbers = new Int32Array(CAPACITY_FIRST)
  count = 0
  readonly columns: AccumulatorColumn[]

  /** `areNumbers`: which columns are typed. */
  constructor(areNumbers: readonly boolean[]) {
    this.columns = areNumbers.map((isNumber) => (isNumber ? new Float64Array(CAPACITY_FIRST) : []))
  }

  begin(start: number, end: number, firstWindowEnd: number): void {
    this.start = start
    this.end = end
    this.firstWindowEnd = firstWindowEnd
  }

  /** Gives a key its first accumulators, which must fit the columns. */
  add(number: number, accumulators: readonly Accumulator[]): void {
    if (number >= this.seen.length) this.#grow(number)
    this.seen[number] = 1
    this.numbers[this.count++] = number
    for (let i = 0; i < this.columns.length; i++) (this.columns[i] as unknown[])[number] = accumulators[i]
  }

  /** From now on the column takes any value. */
  makeGeneral(column: number): void {
    const typed = this.columns[column] as Float64Array
    const general: unknown[] = []
    for (let i = 0; i < this.count; i++) {
      const number = this.numbers[i] as number
      while (general.length <= number) general.push(undefined)
      general[number] = typed[number]
    }
    this.columns[column] = general
  }

  /** Lets go of what is held; its memory is used again. */
  clear(): void {
    for (let i = 0; i < this.count; i++) this.seen[this.numbers[i] as number] = 0
    for (const column of this.columns) if (Array.isArray(column)) column.length = 0
    this.count = 0
    this.start = Number.NaN
    this.end = Number.NaN
    this.firstWindowEnd = Number.NaN
  }

  #grow(number: number): void {
    let capacity = this.seen.length
    while (capacity <= number) capacity *= 2
    const { seen, numbers } = this
    this.seen = new Uint8Array(capacity)
    this.seen.set(seen)
    this.numbers = new Int32Array(capacity)
    this.numbers.set(numbers)
    for (const [index, column] of this.columns.entries()) {
      if (Array.isArray(column)) continue
      const grown = new Float64Array(capacity)
      grown.set(column)
      this.columns[index] = grown
    }
  }
}
