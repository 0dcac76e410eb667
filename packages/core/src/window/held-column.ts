/**
 * Accumulators by place. While all of them are numbers, or arrays of equally many numbers as those of counts and sums
 * are, they stand in one typed array: no object for each, nothing for the garbage collector to follow. What is read of
 * them is the reader's own. The first one of another form turns the column: from then on they stand there as they are.
 */
import type { Accumulator } from './window-contents.ts'

/** Longer arrays are kept as they are. */
const WIDTH_MAX = 16
const NOTHING: (Accumulator | undefined)[] = []

export class HeldColumn {
  /** `undefined` when the column holds accumulators as they are. */
  numbers: Float64Array | undefined = new Float64Array(0)
  /** Numbers of a place; 0: an accumulator is a number, not an array of one. −1: nothing has come yet. */
  width = -1
  #values = NOTHING
  #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get bytes(): number {
    return this.numbers?.byteLength ?? this.#capacity * VALUE_BYTES
  }

  get(at: number): Accumulator {
    const { numbers, width } = this
    if (numbers === undefined) return this.#values[at] as Accumulator
    if (width === 0) return numbers[at] as number
    if (width === 1) return [numbers[at] as number]
    const read: number[] = []
    for (let i = at * width; read.length < width; i++) read.push(numbers[i] as number)
    return read
  }

  set(at: number, accumulator: Accumulator): void {
    const { numbers, width } = this
    if (numbers === undefined) {
      this.#values[at] = accumulator
    } else if (typeof accumulator === 'number' && width === 0) {
      numbers[at] = accumulator
    } else if (width < 1 || !put(numbers, at * width, width, accumulator)) {
      this.#setOther(at, accumulator)
    }
  }

  /** What was there is not read again. */
  drop(at: number): void {
    if (this.numbers === undefined) this.#values[at] = undefined
  }

  /** Takes over what another column holds at a place, which may be nothing. */
  take(at: number, from: HeldColumn, fromAt: number): void {
    const { numbers, width } = this
    const others = from.numbers
    if (numbers === undefined || others === undefined || width !== from.width) {
      if (others !== undefined ? from.width >= 0 : from.#values[fromAt] !== undefined) this.set(at, from.get(fromAt))
      return
    }
    if (width < 0) return
    if (width < 2) numbers[at] = others[fromAt] as number
    else for (let i = 0; i < width; i++) numbers[at * width + i] = others[fromAt * width + i] as number
  }

  /** Makes room for places below `capacity`. */
  widen(capacity: number): void {
    this.#capacity = capacity
    const { numbers } = this
    if (numbers === undefined || this.width < 0) return
    this.numbers = new Float64Array(capacity * Math.max(1, this.width))
    this.numbers.set(numbers)
  }

  #setOther(at: number, accumulator: Accumulator): void {
    const { numbers } = this
    const width = widthOf(accumulator)
    if (this.width < 0 && width !== undefined) {
      this.width = width
      this.numbers = new Float64Array(this.#capacity * Math.max(1, width))
      this.set(at, accumulator)
      return
    }
    const values: (Accumulator | undefined)[] = []
    for (let place = 0; place < this.#capacity; place++) {
      values.push(this.width < 0 || numbers === undefined ? undefined : this.get(place))
    }
    values[at] = accumulator
    this.numbers = undefined
    this.#values = values
  }
}

/** About what a place takes with the object in it. */
const VALUE_BYTES = 64

/** Puts an array of so many numbers; false when it is none. */
function put(numbers: Float64Array, from: number, width: number, accumulator: Accumulator): boolean {
  if (!Array.isArray(accumulator) || accumulator.length !== width) return false
  for (let i = 0; i < width; i++) {
    const item: unknown = accumulator[i]
    if (typeof item !== 'number') return false
    numbers[from + i] = item
  }
  return true
}

function widthOf(accumulator: Accumulator): number | undefined {
  if (typeof accumulator === 'number') return 0
  if (!Array.isArray(accumulator) || accumulator.length === 0 || accumulator.length > WIDTH_MAX) return undefined
  for (let i = 0; i < accumulator.length; i++) if (typeof accumulator[i] !== 'number') return undefined
  return accumulator.length
}
