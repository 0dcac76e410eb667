/**
 * Different values, for one count or for several that share them: each value has a mark for every count that it belongs
 * to. A `Set` for each count takes several times the memory, stops the thread for hundreds of milliseconds when it grows
 * beyond a million values, and ends at 16.7 million.
 *
 * An accumulator like any plain value: the value codec writes it as its values, apart from how they lie in memory. NaN
 * equals itself and −0 is 0, as in a `Set`.
 */
import { MarkedNumbers } from './marked-numbers.ts'
import { MarkedTexts } from './marked-texts.ts'
import { placeOf, slotOf } from './number-hash.ts'
import type { Countable } from './value-selector.ts'

/** The first numbers are in one array, which is quick to make and near at hand; more are in pages. */
const NEAR_NUMBERS_MAX = 4_096
const NEAR_SLOTS_MIN = 4
const OBJECT_BYTES = 120
const SLOT_BYTES = 8

export class DistinctValues {
  /** How many counts may share one. */
  static readonly COUNTS_MAX = 30

  /** How many counts share the values. */
  readonly counts: number
  readonly #sizes: number[]
  /** An open table of numbers, NaN where nothing is; behind each its marks where counts share it. */
  #near: number[] | undefined
  #nearNumbers = 0
  #numbers: MarkedNumbers | undefined
  #texts: MarkedTexts | undefined

  constructor(counts = 1) {
    this.counts = counts
    this.#sizes = new Array<number>(counts).fill(0)
  }

  /** Whether it is really one: a prototype can be borrowed. */
  static isOne(value: object): value is DistinctValues {
    return #near in value
  }

  /** How many values count number `index` has. */
  size(index = 0): number {
    return this.#sizes[index] as number
  }

  /** How many values there are in all. */
  get distinct(): number {
    return this.#nearNumbers + (this.#numbers?.count ?? 0) + (this.#texts?.count ?? 0)
  }

  /** Bytes of memory, about. */
  get bytesEstimate(): number {
    const near = (this.#near?.length ?? 0) * SLOT_BYTES
    return OBJECT_BYTES + near + (this.#numbers?.bytes ?? 0) + (this.#texts?.bytes ?? 0)
  }

  /** Takes in a value for the counts whose bits are set in `marks`, which is not 0. */
  add(value: Countable, marks = 1): void {
    let fresh: number
    if (typeof value === 'number' && !Number.isNaN(value)) {
      fresh = this.#numbers === undefined ? this.#addNear(value, marks) : this.#numbers.add(value, marks)
    } else {
      this.#texts ??= new MarkedTexts()
      fresh = this.#texts.add(value, marks)
    }
    if (fresh !== 0) this.#count(fresh)
  }

  /** All values, each with its marks, in no particular order. */
  forEach(visit: (value: Countable, marks: number) => void): void {
    const near = this.#near
    const stride = this.#stride
    for (let at = 0; near !== undefined && at < near.length; at += stride) {
      const number = near[at] as number
      if (!Number.isNaN(number)) visit(number, stride === 1 ? 1 : (near[at + 1] as number))
    }
    this.#numbers?.forEach(visit)
    this.#texts?.forEach(visit)
  }

  get #stride(): 1 | 2 {
    return this.counts === 1 ? 1 : 2
  }

  /** Returns the marks that the number did not have. */
  #addNear(number: number, marks: number): number {
    const stride = this.#stride
    this.#near ??= emptySlots(NEAR_SLOTS_MIN * stride)
    const near = this.#near
    const at = findNear(near, stride, number)
    if (near[at] === number) {
      if (stride === 1) return 0
      const had = near[at + 1] as number
      near[at + 1] = had | marks
      return marks & ~had
    }
    // Adding 0 makes 0 of −0, which is the same number.
    near[at] = number + 0
    if (stride === 2) near[at + 1] = marks
    this.#nearNumbers++
    if (this.#nearNumbers * stride * 4 > near.length * 3) this.#enlarge(near, stride)
    return marks
  }

  #enlarge(near: number[], stride: 1 | 2): void {
    const isFar = this.#nearNumbers > NEAR_NUMBERS_MAX
    const numbers = new MarkedNumbers(this.counts)
    const larger = emptySlots(isFar ? 0 : near.length * 2)
    for (let from = 0; from < near.length; from += stride) {
      const number = near[from] as number
      if (Number.isNaN(number)) continue
      const marks = stride === 1 ? 1 : (near[from + 1] as number)
      if (isFar) {
        numbers.add(number, marks)
      } else {
        const at = findNear(larger, stride, number)
        larger[at] = number
        if (stride === 2) larger[at + 1] = marks
      }
    }
    this.#near = isFar ? undefined : larger
    if (!isFar) return
    this.#numbers = numbers
    this.#nearNumbers = 0
  }

  #count(fresh: number): void {
    const sizes = this.#sizes
    for (let rest = fresh; rest !== 0; rest &= rest - 1) {
      const index = 31 - Math.clz32(rest & -rest)
      sizes[index] = (sizes[index] as number) + 1
    }
  }
}

function emptySlots(length: number): number[] {
  return new Array<number>(length).fill(Number.NaN)
}

/** Where a number is, or the empty slot where it belongs: at least one in four is. */
function findNear(near: readonly number[], stride: 1 | 2, number: number): number {
  const last = near.length - stride
  let at = (slotOf(placeOf(number)) * stride) & last
  for (;;) {
    const there = near[at] as number
    if (there === number || Number.isNaN(there)) return at
    at = (at + stride) & last
  }
}
