/**
 * The firing of overlapping windows: keeps per key what its slices in the last window come to (`RunningMerge`) and
 * moves on by the slices between one window and the next. All of it is derived from the slices in state, is in no
 * snapshot, and is built anew with the first firing after a restore.
 *
 * Keys are rows of columns (`RunningRows`), their slices entries that are linked (`HeldSlices`): no object for a key, and
 * a firing reads what most keys come to in one walk over two columns.
 *
 * Invariant: the slices up to the end of the last window that has fired are taken in, later ones are not. A record that
 * comes into one of the former afterwards makes what is held of its key out of date, and the next firing builds it anew.
 */
import { keyGroupOfHash } from '../key/key-group.ts'
import { hashKey } from '../key/key-hash.ts'
import type { TurnBudget } from '../operator/operator.ts'
import type { KeyedStateBackend, NamespaceCursor } from '../state/state-backend.ts'
import { HeldSlices } from './held-slices.ts'
import { type CurrentWindow, RunningMerge } from './running-merge.ts'
import { PAGE_MASK, PAGE_ROWS, RunningRows } from './running-rows.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'
import type { WindowFiring, WindowResults } from './window-firing.ts'
import type { WindowLayout } from './window-layout.ts'

export class RunningWindows {
  readonly #state: KeyedStateBackend
  readonly #contents: WindowContents
  readonly #layout: WindowLayout
  readonly #rows = new RunningRows()
  readonly #slices = new HeldSlices()
  readonly #merge: RunningMerge
  /** End of the last window that has begun to fire. */
  #end = Number.NEGATIVE_INFINITY

  constructor(state: KeyedStateBackend, contents: WindowContents, layout: WindowLayout) {
    this.#state = state
    this.#contents = contents
    this.#layout = layout
    this.#merge = new RunningMerge(contents, this.#rows, this.#slices, (row) => this.#select(row))
  }

  /** Keys that are held. */
  get keys(): number {
    return this.#rows.count
  }

  get bytesEstimate(): number {
    return this.#rows.bytes + this.#slices.bytes
  }

  /** Fires the window that ends at `end`; windows fire in order. */
  fire(end: number): WindowFiring {
    const start = end - this.#layout.sizeMs
    const from = Math.max(this.#end, start)
    this.#end = end
    const newest = this.#contents.namespacesOf(end).filter((sliceEnd) => sliceEnd > from)
    const window = { number: this.#layout.windowFrom(start), start, end, ...this.#layout.blockOf(end) }
    return new RunningFiring(this.#rows, this.#merge, this.#contents, this.#state.maxParallelism, newest, window)
  }

  /** A record of the current key has come into a slice. */
  onAdded(sliceEnd: number): void {
    if (sliceEnd > this.#end || this.#layout.lastWindowEndOf(sliceEnd) <= this.#end) return
    const { currentKey } = this.#state
    this.#merge.touch(rowOf(currentKey, this.#rows, this.#merge), sliceEnd)
  }

  /** Forgets everything, when there is nothing in state. */
  clear(): void {
    if (this.#rows.count === 0) return
    this.#rows.clear()
    this.#slices.clear()
  }

  #select(row: number): void {
    const page = this.#rows.pageOf(row)
    const hash = page.hashes[row & PAGE_MASK] as number
    const keyGroup = keyGroupOfHash(hash, this.#state.maxParallelism)
    this.#state.setCurrentKey(page.keys[row & PAGE_MASK], keyGroup, hash)
  }
}

/** The row of a key in canonical form, given to it now if need be. */
function rowOf(key: unknown, rows: RunningRows, merge: RunningMerge): number {
  const hash = hashKey(key)
  const found = rows.find(hash, key)
  if (found >= 0) return found
  const row = rows.add(hash, key)
  merge.begin(row)
  return row
}

/** First takes the new slices in, then walks all keys. */
class RunningFiring implements WindowFiring {
  readonly #rows: RunningRows
  readonly #merge: RunningMerge
  readonly #contents: WindowContents
  readonly #maxParallelism: number
  readonly #window: CurrentWindow
  readonly #newest: readonly number[]
  #slice = -1
  #cursor: NamespaceCursor<Accumulator> | undefined
  #row = 0
  #isSettling = false

  constructor(
    rows: RunningRows,
    merge: RunningMerge,
    contents: WindowContents,
    maxParallelism: number,
    newest: readonly number[],
    window: CurrentWindow,
  ) {
    this.#rows = rows
    this.#merge = merge
    this.#contents = contents
    this.#maxParallelism = maxParallelism
    this.#newest = newest
    this.#window = window
  }

  get windowEnd(): number {
    return this.#window.end
  }

  get key(): unknown {
    if (this.#slice < this.#newest.length) return this.#cursor?.key
    return this.#isSettling ? this.#rows.pageOf(this.#row).keys[this.#row & PAGE_MASK] : undefined
  }

  step(results: WindowResults, budget: TurnBudget): boolean {
    return this.#takeNewest(budget) && this.#walk(results, budget)
  }

  #takeNewest(budget: TurnBudget): boolean {
    while (this.#slice < this.#newest.length) {
      const cursor = this.#cursor
      const end = this.#newest[this.#slice] as number
      while (cursor !== undefined) {
        if (budget.units <= 0) return false
        if (!cursor.next()) break
        budget.units--
        this.#merge.add(rowOf(cursor.key, this.#rows, this.#merge), end, cursor.value, this.#window)
      }
      const slice = this.#newest[++this.#slice]
      this.#cursor = slice === undefined ? undefined : this.#contents.cursor(slice)
    }
    return true
  }

  #walk(results: WindowResults, budget: TurnBudget): boolean {
    const rows = this.#rows
    while (this.#row < rows.count) {
      if (budget.units <= 0 || results.isFull) return false
      if (this.#walkReady(results, budget)) continue
      budget.units--
      // Where the key goes, another one is in its row now.
      this.#isSettling = true
      const isLeft = this.#merge.settle(this.#row, this.#window)
      this.#isSettling = false
      if (!isLeft) rows.remove(this.#row)
      else if (this.#merge.isBulky(this.#row)) this.#emitBulky(results)
    }
    return true
  }

  /** Emits what is ready from here on in the same page; false when there is nothing. */
  #walkReady(results: WindowResults, budget: TurnBudget): boolean {
    const from = this.#row
    const page = this.#rows.pageOf(from)
    const { keys, hashes, wholeUntil, whole } = page
    const { isReplay } = results
    const first = from & PAGE_MASK
    const to = Math.min(PAGE_ROWS, first + this.#rows.count - from, first + budget.units)
    const { number } = this.#window
    let at = whole.numbers === undefined || isReplay ? first : results.emitReady(page, first, to, number)
    for (; at < to && (wholeUntil[at] as number) > number && !results.isFull; at++) {
      const key = keys[at]
      if (isReplay && !results.isDue(key, keyGroupOfHash(hashes[at] as number, this.#maxParallelism))) continue
      results.emit(key, whole.get(at))
    }
    this.#row += at - first
    budget.units -= at - first
    return at > first
  }

  #emitBulky(results: WindowResults): void {
    const row = this.#row++
    const page = this.#rows.pageOf(row)
    const key = page.keys[row & PAGE_MASK]
    const hash = page.hashes[row & PAGE_MASK] as number
    if (results.isReplay && !results.isDue(key, keyGroupOfHash(hash, this.#maxParallelism))) return
    const accumulator = this.#merge.mergedAnew(row)
    if (accumulator !== undefined) results.emit(key, accumulator)
  }
}
