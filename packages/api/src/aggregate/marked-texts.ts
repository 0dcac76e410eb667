/** Texts, bigints and booleans with marks, and NaN: pages of JavaScript maps, of which none grows large. */
import { mixBits, pageOf, pageToSplit } from './linear-hashing.ts'
import type { Countable } from './value-selector.ts'

/** Of a page, on average. To rehash or split a map of twice as many takes some 20 ms; a choice among pages costs more than a look-up. */
const PAGE_VALUES = 65_536
/** The last units of a text choose its page; where they are all alike, its page grows larger. */
const HASHED_UNITS = 16
const VALUE_BYTES = 40

type Page = Map<Countable, number>

export class MarkedTexts {
  readonly #pages: Page[] = [new Map()]
  #count = 0
  /** UTF-16 units of the texts. */
  #units = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#count * VALUE_BYTES + this.#units
  }

  /** Gives a value marks, and returns those that it did not have. */
  add(value: Countable, marks: number): number {
    const pages = this.#pages.length
    const page = this.#pages[pages === 1 ? 0 : pageOf(hashOf(value), pages)] as Page
    const had = page.get(value)
    if (had !== undefined) {
      const fresh = marks & ~had
      if (fresh !== 0) page.set(value, had | marks)
      return fresh
    }
    page.set(value, marks)
    this.#count++
    if (typeof value === 'string') this.#units += value.length
    if (this.#count > pages * PAGE_VALUES) this.#addPage()
    return marks
  }

  forEach(visit: (value: Countable, marks: number) => void): void {
    for (const page of this.#pages) for (const [value, marks] of page) visit(value, marks)
  }

  #addPage(): void {
    const index = this.#pages.length
    const stays: Page = new Map()
    const leaves: Page = new Map()
    for (const [value, marks] of this.#pages[pageToSplit(index)] as Page) {
      if (pageOf(hashOf(value), index + 1) === index) leaves.set(value, marks)
      else stays.set(value, marks)
    }
    this.#pages[pageToSplit(index)] = stays
    this.#pages.push(leaves)
  }
}

function hashOf(value: Countable): number {
  const text = String(value)
  let hash = text.length
  for (let i = Math.max(0, text.length - HASHED_UNITS); i < text.length; i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mixBits(hash)
}
