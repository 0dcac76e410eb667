/**
 * Which slices hold which keys, as running windows need it: one entry for a slice of a key, with what the key comes to
 * there, linked to the entries of the same key before and after it. An entry is a number for life; pages have up to
 * `PAGE_ENTRIES`, and one without entries is let go of.
 */
import { HeldColumn } from './held-column.ts'

const PAGE_BITS = 12
const PAGE_ENTRIES = 1 << PAGE_BITS
const PAGE_MASK = PAGE_ENTRIES - 1
const CAPACITY_FIRST = 64

export const NONE = -1

class SlicePage {
  capacity: number
  /** Entries that are or were in use: those below. */
  size = 0
  used = 0
  /** Linked by `next`. */
  firstFree = NONE
  ends: Float64Array
  next: Int32Array
  previous: Int32Array
  readonly accumulators: HeldColumn

  constructor(capacity: number) {
    this.capacity = capacity
    this.ends = new Float64Array(capacity)
    this.next = new Int32Array(capacity)
    this.previous = new Int32Array(capacity)
    this.accumulators = new HeldColumn(capacity)
  }

  grow(): void {
    const { ends, next, previous } = this
    this.capacity *= 2
    this.ends = new Float64Array(this.capacity)
    this.ends.set(ends)
    this.next = new Int32Array(this.capacity)
    this.next.set(next)
    this.previous = new Int32Array(this.capacity)
    this.previous.set(previous)
    this.accumulators.widen(this.capacity)
  }
}

export class HeldSlices {
  count = 0
  #pages: (SlicePage | undefined)[] = []
  /** The page that takes new entries, and others that have room. */
  #open = 0
  #withRoom: number[] = []

  get bytes(): number {
    return this.#pages.reduce((bytes, page) => bytes + (page === undefined ? 0 : bytesOf(page)), 0)
  }

  /** A new entry, not linked to any other. */
  add(end: number): number {
    const page = this.#pageWithRoom()
    let at = page.firstFree
    if (at === NONE) {
      if (page.size === page.capacity) page.grow()
      at = page.size++
    } else {
      page.firstFree = page.next[at] as number
    }
    page.used++
    page.ends[at] = end
    page.next[at] = NONE
    page.previous[at] = NONE
    this.count++
    return (this.#open << PAGE_BITS) | at
  }

  free(entry: number): void {
    const number = entry >>> PAGE_BITS
    const page = this.#pageOf(entry)
    const at = entry & PAGE_MASK
    this.count--
    page.accumulators.drop(at)
    const wasFull = page.firstFree === NONE && page.size === PAGE_ENTRIES
    page.next[at] = page.firstFree
    page.firstFree = at
    if (--page.used === 0 && number !== this.#open) this.#pages[number] = undefined
    if (wasFull && number !== this.#open) this.#withRoom.push(number)
  }

  end(entry: number): number {
    return this.#pageOf(entry).ends[entry & PAGE_MASK] as number
  }

  /** The next newer slice of the same key, or `NONE`. */
  next(entry: number): number {
    return this.#pageOf(entry).next[entry & PAGE_MASK] as number
  }

  /** The next older one. */
  previous(entry: number): number {
    return this.#pageOf(entry).previous[entry & PAGE_MASK] as number
  }

  /** Makes two entries neighbours; one of them may be `NONE`. */
  link(older: number, newer: number): void {
    if (older !== NONE) this.#pageOf(older).next[older & PAGE_MASK] = newer
    if (newer !== NONE) this.#pageOf(newer).previous[newer & PAGE_MASK] = older
  }

  /** The column in which an entry's accumulator is, at `placeOf(entry)`. */
  columnOf(entry: number): HeldColumn {
    return this.#pageOf(entry).accumulators
  }

  clear(): void {
    this.count = 0
    this.#pages = []
    this.#open = 0
    this.#withRoom = []
  }

  #pageOf(entry: number): SlicePage {
    return this.#pages[entry >>> PAGE_BITS] as SlicePage
  }

  #pageWithRoom(): SlicePage {
    for (;;) {
      const page = this.#pages[this.#open]
      if (page === undefined) {
        const created = new SlicePage(this.#open === 0 ? CAPACITY_FIRST : PAGE_ENTRIES)
        this.#pages[this.#open] = created
        return created
      }
      if (page.firstFree !== NONE || page.size < PAGE_ENTRIES) return page
      this.#open = this.#withRoom.pop() ?? this.#pages.length
    }
  }
}

/** Where in its column an entry's accumulator is. */
export function placeOf(entry: number): number {
  return entry & PAGE_MASK
}

function bytesOf({ capacity, accumulators }: SlicePage): number {
  return capacity * 16 + accumulators.bytes
}
