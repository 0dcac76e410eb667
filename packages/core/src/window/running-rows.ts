/**
 * The keys that running windows hold, side by side in columns. Rows are dense: a firing walks them one after the other,
 * and where a key goes the last one takes its row. Pages have up to `PAGE_ROWS` rows, so nothing is moved as a whole.
 */
import { HashIndex, mixHash } from '../key/hash-index.ts'
import { isSameKey } from '../key/same-key.ts'
import { HeldColumn } from './held-column.ts'

export const PAGE_BITS = 12
export const PAGE_ROWS = 1 << PAGE_BITS
export const PAGE_MASK = PAGE_ROWS - 1
const CAPACITY_FIRST = 64
const KEY_BYTES = 24

/** Columns of up to `PAGE_ROWS` keys; what they mean is `RunningMerge`'s. */
export class RowPage {
  #capacity: number
  readonly keys: unknown[] = []
  hashes: Int32Array
  /** The first window number for which `whole` is not right any more. */
  wholeUntil: Float64Array
  /** The block that `back` and the slices before the border are about; NaN when they must be built. */
  blocks: Float64Array
  /** The oldest and the newest slice of the key in `HeldSlices`. */
  first: Int32Array
  last: Int32Array
  marks: Uint8Array
  readonly back: HeldColumn
  readonly whole: HeldColumn

  constructor(capacity: number) {
    this.#capacity = capacity
    this.hashes = new Int32Array(capacity)
    this.wholeUntil = new Float64Array(capacity)
    this.blocks = new Float64Array(capacity)
    this.first = new Int32Array(capacity)
    this.last = new Int32Array(capacity)
    this.marks = new Uint8Array(capacity)
    this.back = new HeldColumn(capacity)
    this.whole = new HeldColumn(capacity)
  }

  get capacity(): number {
    return this.#capacity
  }

  get bytes(): number {
    return this.#capacity * (KEY_BYTES + 29) + this.back.bytes + this.whole.bytes
  }

  grow(): void {
    const capacity = this.#capacity * 2
    this.#capacity = capacity
    this.hashes = widened(this.hashes, new Int32Array(capacity))
    this.wholeUntil = widened(this.wholeUntil, new Float64Array(capacity))
    this.blocks = widened(this.blocks, new Float64Array(capacity))
    this.first = widened(this.first, new Int32Array(capacity))
    this.last = widened(this.last, new Int32Array(capacity))
    this.marks = widened(this.marks, new Uint8Array(capacity))
    this.back.widen(capacity)
    this.whole.widen(capacity)
  }

  /** Takes over a row of another page, or of this one. */
  take(at: number, from: RowPage, fromAt: number): void {
    this.keys[at] = from.keys[fromAt]
    this.hashes[at] = from.hashes[fromAt] as number
    this.wholeUntil[at] = from.wholeUntil[fromAt] as number
    this.blocks[at] = from.blocks[fromAt] as number
    this.first[at] = from.first[fromAt] as number
    this.last[at] = from.last[fromAt] as number
    this.marks[at] = from.marks[fromAt] as number
    this.back.take(at, from.back, fromAt)
    this.whole.take(at, from.whole, fromAt)
  }
}

export class RunningRows {
  count = 0
  #pages: RowPage[] = []
  readonly #index = new HashIndex()

  get bytes(): number {
    return this.#pages.reduce((bytes, page) => bytes + page.bytes, this.#index.bytes)
  }

  /** The page that a row is in; there it is at `row & PAGE_MASK`. */
  pageOf(row: number): RowPage {
    return this.#pages[row >>> PAGE_BITS] as RowPage
  }

  /** The row of a key, or −1. */
  find(hash: number, key: unknown): number {
    const mixed = mixHash(hash)
    const places = this.#index.partOf(mixed)
    for (let slot = places.first(mixed); ; slot = places.next(slot)) {
      const row = places.rowAt(slot)
      if (row < 0) return -1
      if (places.hashAt(slot) === mixed && isSameKey(this.pageOf(row).keys[row & PAGE_MASK], key)) return row
    }
  }

  /** Gives a key that is not there the last row; `key` is in canonical form. What is in its other columns is of no meaning. */
  add(hash: number, key: unknown): number {
    const row = this.count++
    const at = row & PAGE_MASK
    if (at === 0) this.#pages.push(new RowPage(row === 0 ? CAPACITY_FIRST : PAGE_ROWS))
    const page = this.pageOf(row)
    if (at === page.capacity) page.grow()
    page.keys[at] = key
    page.hashes[at] = hash
    this.#index.add(mixHash(hash), row)
    return row
  }

  /** Takes a key out; the last row moves to its place. */
  remove(row: number): void {
    const page = this.pageOf(row)
    const at = row & PAGE_MASK
    this.#index.remove(mixHash(page.hashes[at] as number), row)
    const last = --this.count
    const lastPage = this.pageOf(last)
    const lastAt = last & PAGE_MASK
    if (last !== row) {
      page.take(at, lastPage, lastAt)
      this.#index.move(mixHash(page.hashes[at] as number), last, row)
    }
    lastPage.keys.pop()
    lastPage.back.drop(lastAt)
    lastPage.whole.drop(lastAt)
    if (lastAt === 0) this.#pages.pop()
    if (last === 0) this.#index.clear()
  }

  clear(): void {
    this.count = 0
    this.#pages = []
    this.#index.clear()
  }
}

function widened<Column extends Int32Array | Float64Array | Uint8Array>(column: Column, wider: Column): Column {
  wider.set(column)
  return wider
}
