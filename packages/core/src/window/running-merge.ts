/**
 * Each key's accumulator over the slices of the current window, kept while the window slides, so that a firing merges
 * O(1) accumulators (amortised), never all slices. Derived from the slices in state, which stay as they are.
 *
 * Time is cut into blocks, each as long as a window or a little longer; at most one border lies within a window. Of the
 * slices before it the key has suffixes: with each slice (`HeldSlices`) stands what it and the later ones up to the border
 * come to. Those after it are one growing prefix (`back`), and with each stands its own accumulator, of which the suffixes
 * are made when the block ends. So a slice that leaves the window leaves the next suffix; a new one is merged into the
 * prefix. These are the two stacks of a queue, only that the moments at which they turn are fixed in event time:
 * which accumulators are merged with which depends on the window alone, so fractions round the same way after a restore.
 *
 * `whole` is what both come to, with the number of the first window for which it is not right any more: until then a
 * firing reads these two columns and nothing else.
 *
 * Accumulators that grow with their contents (sets) are not held, since suffixes would hold them many times over; such a
 * key is merged anew for each window.
 */
import type { HeldColumn } from './held-column.ts'
import { type HeldSlices, NONE, placeOf } from './held-slices.ts'
import { isCompact } from './is-compact.ts'
import { PAGE_MASK, type RowPage, type RunningRows } from './running-rows.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'

/** The window that fires. */
export interface CurrentWindow {
  /** As `WindowLayout.windowFrom` counts. */
  readonly number: number
  readonly start: number
  readonly end: number
  /** The number of the block that the window ends in, and where that block begins, at or after `start`. */
  readonly block: number
  readonly border: number
  /** The number of the first window that ends in a later block. */
  readonly nextBlockFrom: number
}

/** There are slices after the border, and `back` is of them. */
const HAS_BACK = 1
/** `back` is a merged one, not one from state. */
const OWNS_BACK = 2
/** A record came into a slice that was taken in before: what stands with the slices is out of date. */
const IS_TOUCHED = 4
const IS_BULKY = 8

/** For `wholeUntil`: it must be looked at. */
const NEVER = Number.NEGATIVE_INFINITY

export class RunningMerge {
  readonly #contents: WindowContents
  readonly #slices: HeldSlices
  readonly #rows: RunningRows
  /** Makes a row's key current. */
  readonly #select: (row: number) => void

  constructor(contents: WindowContents, rows: RunningRows, slices: HeldSlices, select: (row: number) => void) {
    this.#contents = contents
    this.#rows = rows
    this.#slices = slices
    this.#select = select
  }

  /** Begins a row, which is new. */
  begin(row: number): void {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    page.first[at] = NONE
    page.last[at] = NONE
    page.marks[at] = 0
    page.blocks[at] = Number.NaN
    page.wholeUntil[at] = NEVER
  }

  /** Takes in the newest slice; `stored` is the key's accumulator in it. */
  add(row: number, end: number, stored: Accumulator, window: CurrentWindow): void {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    const last = page.last[at] as number
    const slice = this.#append(page, at, last, end)
    if ((page.marks[at] as number) & IS_BULKY) return
    if (!this.#hold(this.#slices.columnOf(slice), placeOf(slice), stored)) {
      this.#becomeBulky(row)
    } else if (last === NONE) {
      page.blocks[at] = window.block
      if (end > window.border) this.#addToBack(row, slice)
      page.whole.set(at, stored)
      page.wholeUntil[at] = this.#contents.layout.windowFrom(end)
    } else {
      page.wholeUntil[at] = NEVER
      if (page.blocks[at] === window.block && end > window.border) this.#addToBack(row, slice)
      else page.blocks[at] = Number.NaN
    }
  }

  /** A record came into a slice that was taken in before, or is to count as such. */
  touch(row: number, end: number): void {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    const slices = this.#slices
    page.blocks[at] = Number.NaN
    page.wholeUntil[at] = NEVER
    page.marks[at] = (page.marks[at] as number) | IS_TOUCHED
    let newer = NONE
    let older = page.last[at] as number
    while (older !== NONE && slices.end(older) > end) {
      newer = older
      older = slices.previous(older)
    }
    if (older !== NONE && slices.end(older) === end) return
    const slice = slices.add(end)
    slices.link(older, slice)
    slices.link(slice, newer)
    if (older === NONE) page.first[at] = slice
    if (newer === NONE) page.last[at] = slice
  }

  /**
   * Makes `whole` right for a window, and lets go of slices that end before it; false when none is left. Of a bulky key
   * `whole` is of no meaning. May make the key current.
   */
  settle(row: number, window: CurrentWindow): boolean {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    const first = this.#expire(page, at, window.start)
    if (first === NONE) return false
    if (!this.isBulky(row) && page.blocks[at] !== window.block) this.#build(row, window)
    if (this.isBulky(row)) return true
    const slices = this.#slices
    const isBack = slices.end(first) > window.border
    if (isBack) {
      // A copy: what was given out may be part of a result that is on its way, and the prefix goes on growing.
      page.whole.set(at, (page.marks[at] as number) & OWNS_BACK ? this.#copy(page.back, at) : page.back.get(at))
    } else if ((page.marks[at] as number) & HAS_BACK) {
      page.whole.set(at, this.#merge(this.#copy(slices.columnOf(first), placeOf(first)), page.back, at))
    } else {
      page.whole.take(at, slices.columnOf(first), placeOf(first))
    }
    const expiresAt = this.#contents.layout.windowFrom(slices.end(first))
    // What is in one slice only is the same in every block.
    page.wholeUntil[at] = first === page.last[at] ? expiresAt : Math.min(expiresAt, window.nextBlockFrom)
    return true
  }

  isBulky(row: number): boolean {
    return ((this.#rows.pageOf(row).marks[row & PAGE_MASK] as number) & IS_BULKY) !== 0
  }

  /** The accumulator of a bulky key over its slices. Makes the key current. */
  mergedAnew(row: number): Accumulator | undefined {
    const ends: number[] = []
    const first = this.#rows.pageOf(row).first[row & PAGE_MASK] as number
    for (let slice = first; slice !== NONE; slice = this.#slices.next(slice)) ends.push(this.#slices.end(slice))
    this.#select(row)
    return this.#contents.merged(ends)
  }

  #append(page: RowPage, at: number, last: number, end: number): number {
    const slice = this.#slices.add(end)
    this.#slices.link(last, slice)
    if (last === NONE) page.first[at] = slice
    page.last[at] = slice
    return slice
  }

  /** Returns the oldest slice that is left. */
  #expire(page: RowPage, at: number, windowStart: number): number {
    const slices = this.#slices
    let first = page.first[at] as number
    if (slices.end(first) > windowStart) return first
    do {
      const next = slices.next(first)
      slices.free(first)
      first = next
    } while (first !== NONE && slices.end(first) <= windowStart)
    page.first[at] = first
    slices.link(NONE, first)
    return first
  }

  /** Begins a block. */
  #build(row: number, { block, border }: CurrentWindow): void {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    const slices = this.#slices
    if ((page.marks[at] as number) & IS_TOUCHED && !this.#readAgain(row)) return
    page.marks[at] = 0
    page.blocks[at] = block
    // From the newest slice before the border down to the oldest one.
    let after = page.first[at] as number
    let suffix = NONE
    while (after !== NONE && slices.end(after) <= border) {
      suffix = after
      after = slices.next(after)
    }
    for (let slice = suffix === NONE ? NONE : slices.previous(suffix); slice !== NONE; slice = slices.previous(slice)) {
      const above = slices.next(slice)
      const own = this.#copy(slices.columnOf(slice), placeOf(slice))
      const merged = this.#merge(own, slices.columnOf(above), placeOf(above))
      if (!this.#hold(slices.columnOf(slice), placeOf(slice), merged)) {
        this.#becomeBulky(row)
        return
      }
    }
    for (let slice = after; slice !== NONE; slice = slices.next(slice)) {
      if (!this.#addToBack(row, slice)) return
    }
  }

  /** Reads from state what each slice of the key has; false when the key is bulky. */
  #readAgain(row: number): boolean {
    const slices = this.#slices
    this.#select(row)
    const first = this.#rows.pageOf(row).first[row & PAGE_MASK] as number
    for (let slice = first; slice !== NONE; slice = slices.next(slice)) {
      const stored = this.#contents.stored(slices.end(slice)) as Accumulator
      if (this.#hold(slices.columnOf(slice), placeOf(slice), stored)) continue
      this.#becomeBulky(row)
      return false
    }
    return true
  }

  /** Of a slice that stands with its own accumulator. False when the key has become bulky. */
  #addToBack(row: number, slice: number): boolean {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    const marks = page.marks[at] as number
    const column = this.#slices.columnOf(slice)
    if (!(marks & HAS_BACK)) {
      page.marks[at] = marks | HAS_BACK
      page.back.take(at, column, placeOf(slice))
      return true
    }
    const own = marks & OWNS_BACK ? page.back.get(at) : this.#copy(page.back, at)
    page.marks[at] = marks | OWNS_BACK
    if (this.#hold(page.back, at, this.#merge(own, column, placeOf(slice)))) return true
    this.#becomeBulky(row)
    return false
  }

  /** False when it is too large to be held. */
  #hold(column: HeldColumn, at: number, accumulator: Accumulator): boolean {
    column.set(at, accumulator)
    return column.numbers !== undefined || isCompact(accumulator)
  }

  /** An accumulator that may be merged into. */
  #copy(column: HeldColumn, at: number): Accumulator {
    const held = column.get(at)
    return column.numbers === undefined ? this.#contents.copy(held) : held
  }

  #merge(into: Accumulator, column: HeldColumn, at: number): Accumulator {
    const other = column.get(at)
    return column.numbers === undefined ? this.#contents.merge(into, other) : this.#contents.mergeOwn(into, other)
  }

  #becomeBulky(row: number): void {
    const page = this.#rows.pageOf(row)
    const at = row & PAGE_MASK
    page.marks[at] = IS_BULKY
    page.wholeUntil[at] = NEVER
    page.back.drop(at)
    page.whole.drop(at)
    const slices = this.#slices
    for (let slice = page.first[at] as number; slice !== NONE; slice = slices.next(slice)) {
      slices.columnOf(slice).drop(placeOf(slice))
    }
  }
}
