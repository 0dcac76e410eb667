/**
 * The values of rows. While all of them are numbers, or arrays of equally many numbers, as accumulators of counts and
 * sums are, they stand in one typed array: no object for each, nothing for the garbage collector to follow, and a number
 * that changes makes no garbage. An array that is read is a new one each time; what stands here changes only by `set`.
 */

/** Longer arrays are kept as they are. */
const WIDTH_MAX = 32
const NOTHING: unknown[] = []

export class ValueColumn {
  #values: unknown[] = []
  #numbers: Float64Array | undefined
  /** Numbers per row in `#numbers`; 0: a row is a number, not an array of one. */
  #width = 0
  #read: ((numbers: Float64Array, at: number) => unknown[]) | undefined

  get(at: number): unknown {
    const numbers = this.#numbers
    if (numbers === undefined) return this.#values[at]
    return this.#read === undefined ? numbers[at] : this.#read(numbers, at * this.#width)
  }

  set(at: number, value: unknown): void {
    const numbers = this.#numbers
    if (numbers === undefined) {
      this.#values[at] = value
    } else if (this.#width === 0) {
      if (typeof value === 'number') numbers[at] = value
      else this.#setOther(at, value)
    } else {
      this.#setArray(numbers, at, value)
    }
  }

  /** What was there is not read again. */
  drop(at: number): void {
    if (this.#numbers === undefined) this.#values[at] = undefined
  }

  /** Makes typed columns of values that allow it; those that were dropped do not count. */
  compact(capacity: number): void {
    const width = commonWidth(this.#values)
    if (width === undefined) return
    const values = this.#values
    this.#values = NOTHING
    this.#width = width
    this.#read = width === 0 ? undefined : readerOf(width)
    this.#numbers = new Float64Array(capacity * Math.max(1, width))
    for (let at = 0; at < values.length; at++) if (values[at] !== undefined) this.set(at, values[at])
  }

  /** Makes room for rows below `capacity`. */
  widen(capacity: number): void {
    if (this.#numbers === undefined) return
    const wider = new Float64Array(capacity * Math.max(1, this.#width))
    wider.set(this.#numbers)
    this.#numbers = wider
  }

  #setArray(numbers: Float64Array, at: number, value: unknown): void {
    const width = this.#width
    if (!Array.isArray(value) || value.length !== width) {
      this.#setOther(at, value)
      return
    }
    const start = at * width
    for (let i = 0; i < width; i++) {
      const item: unknown = value[i]
      if (typeof item !== 'number') {
        this.#setOther(at, value)
        return
      }
      numbers[start + i] = item
    }
  }

  /** A value that is not like the others: from now on they stand side by side as they are. */
  #setOther(at: number, value: unknown): void {
    const numbers = this.#numbers as Float64Array
    const count = numbers.length / Math.max(1, this.#width)
    const values: unknown[] = []
    for (let row = 0; row < count; row++) values.push(this.get(row))
    this.#numbers = undefined
    this.#read = undefined
    this.#values = values
    values[at] = value
  }
}

/** The width that all values have, or `undefined` when they do not belong into a typed array. */
function commonWidth(values: readonly unknown[]): number | undefined {
  let common: number | undefined
  for (const value of values) {
    if (value === undefined) continue
    const width = widthOf(value)
    if (width === undefined || (common !== undefined && width !== common)) return undefined
    common = width
  }
  return common
}

function widthOf(value: unknown): number | undefined {
  if (typeof value === 'number') return 0
  if (!Array.isArray(value) || value.length === 0 || value.length > WIDTH_MAX) return undefined
  for (let i = 0; i < value.length; i++) if (typeof value[i] !== 'number') return undefined
  return value.length
}

const readers: ((numbers: Float64Array, at: number) => unknown[])[] = []

/** A literal in generated code makes the array in one piece, without a loop. */
function readerOf(width: number): (numbers: Float64Array, at: number) => unknown[] {
  let reader = readers[width]
  if (reader === undefined) {
    const items = Array.from({ length: width }, (_, i) => `numbers[at + ${i}]`).join(', ')
    reader = new Function('numbers', 'at', `return [${items}]\n//# sourceURL=millrace:state/array-of-${width}`) as (
      numbers: Float64Array,
      at: number,
    ) => unknown[]
    readers[width] = reader
  }
  return reader
}
