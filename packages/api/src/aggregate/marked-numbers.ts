/**
 * Many numbers with marks, in typed arrays: pages of open addressing with linear probing.
 */
import { pageOf, pageToSplit } from './linear-hashing.ts'
import { hashOfGroup, placeOf, slotOf } from './number-hash.ts'

/** Of a page, on average; a page moves to a larger one, or loses half of its numbers to a new page, in well under 1 ms. */
const PAGE_NUMBERS = 8_192
const SLOTS_MIN = 16

interface Page {
  /** NaN where nothing is. */
  numbers: Float64Array
  /** Missing where each number has the same mark. */
  marks: Uint8Array | Uint32Array | undefined
  count: number
}

export class MarkedNumbers {
  readonly #markBits: number
  readonly #pages: Page[]
  #count = 0
  #slots = SLOTS_MIN

  /** Marks are sets of bits below `2 ** markBits`. */
  constructor(markBits: number) {
    this.#markBits = markBits
    this.#pages = [createPage(markBits, SLOTS_MIN)]
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#slots * (8 + (this.#markBits === 1 ? 0 : this.#markBits <= 8 ? 1 : 4))
  }

  /** Gives a number, which is not NaN, marks, and returns those that it did not have. */
  add(number: number, marks: number): number {
    const place = placeOf(number)
    const pages = this.#pages.length
    const page = this.#pages[pages === 1 ? 0 : pageOf(hashOfGroup(place), pages)] as Page
    const at = find(page.numbers, number, place)
    if (page.numbers[at] === number) {
      if (page.marks === undefined) return 0
      const had = page.marks[at] as number
      page.marks[at] = had | marks
      return marks & ~had
    }
    // Adding 0 makes 0 of −0, which is the same number.
    page.numbers[at] = number + 0
    if (page.marks !== undefined) page.marks[at] = marks
    page.count++
    this.#count++
    if (isCrowded(page)) this.#enlarge(page)
    if (this.#count > this.#pages.length * PAGE_NUMBERS) this.#addPage()
    return marks
  }

  forEach(visit: (number: number, marks: number) => void): void {
    for (const { numbers, marks } of this.#pages) {
      for (let at = 0; at < numbers.length; at++) {
        const number = numbers[at] as number
        if (!Number.isNaN(number)) visit(number, marks === undefined ? 1 : (marks[at] as number))
      }
    }
  }

  #enlarge(page: Page): void {
    const { numbers, marks } = page
    const larger = this.#createPage(numbers.length * 2)
    for (let at = 0; at < numbers.length; at++) {
      const number = numbers[at] as number
      if (!Number.isNaN(number)) put(larger, number, marks === undefined ? 1 : (marks[at] as number))
    }
    this.#slots -= numbers.length
    page.numbers = larger.numbers
    page.marks = larger.marks
  }

  #addPage(): void {
    const index = this.#pages.length
    const { numbers, marks, count } = this.#pages[pageToSplit(index)] as Page
    // About half of them go, but that is chance.
    const slots = slotsFor(count / 2)
    const stays = this.#createPage(slots)
    const leaves = this.#createPage(slots)
    for (let at = 0; at < numbers.length; at++) {
      const number = numbers[at] as number
      if (Number.isNaN(number)) continue
      const page = pageOf(hashOfGroup(placeOf(number)), index + 1) === index ? leaves : stays
      put(page, number, marks === undefined ? 1 : (marks[at] as number))
      if (isCrowded(page)) this.#enlarge(page)
    }
    this.#slots -= numbers.length
    this.#pages[pageToSplit(index)] = stays
    this.#pages.push(leaves)
  }

  #createPage(slots: number): Page {
    this.#slots += slots
    return createPage(this.#markBits, slots)
  }
}

function isCrowded({ count, numbers }: Page): boolean {
  return count * 8 > numbers.length * 5
}

function slotsFor(count: number): number {
  let slots = SLOTS_MIN
  while (count * 2 > slots) slots *= 2
  return slots
}

function createPage(markBits: number, slots: number): Page {
  const marks = markBits === 1 ? undefined : markBits <= 8 ? new Uint8Array(slots) : new Uint32Array(slots)
  return { numbers: new Float64Array(slots).fill(Number.NaN), marks, count: 0 }
}

function put(page: Page, number: number, marks: number): void {
  const at = find(page.numbers, number, placeOf(number))
  page.numbers[at] = number
  if (page.marks !== undefined) page.marks[at] = marks
  page.count++
}

/** The slot of a number, or the empty one where it belongs. At least one is empty, since pages are enlarged before. */
function find(numbers: Float64Array, number: number, place: number): number {
  const last = numbers.length - 1
  let at = slotOf(place) & last
  for (;;) {
    const there = numbers[at] as number
    if (there === number || Number.isNaN(there)) return at
    at = (at + 1) & last
  }
}
