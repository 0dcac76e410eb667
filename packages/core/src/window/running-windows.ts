/**
 * The firing of overlapping windows: keeps per key what its slices in the last window come to (`RunningMerge`) and
 * moves on by the slices between one window and the next. All of it is derived from the slices in state, is in no
 * snapshot, and is built anew with the first firing after a restore.
 *
 * Keys are rows of columns (`RunningRows`), their slices entries that are linked (`HeldSlices`): no object for a key, and
 * a firing reads what most keys come to in one walk over two columns. Where memory for it is bounded, keys that are not held
 * follow (`UnheldFiring`).
 *
 * Invariant: the slices up to the end of the last window that has fired are taken in, later ones are not. A record that
 * comes into one of the former afterwards makes what is held of its key out of date, and the next firing builds it anew.
 */
import { keyGroupOfHash } from '../key/key-group.ts'
import type { TurnBudget } from '../operator/operator.ts'
import type { KeyedStateBackend, NamespaceCursor } from '../state/state-backend.ts'
import { HeldKeys } from './held-keys.ts'
import type { CurrentWindow } from './running-merge.ts'
import { PAGE_MASK, PAGE_ROWS } from './running-rows.ts'
import { UnheldFiring } from './unheld-firing.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'
import type { WindowFiring, WindowResults } from './window-firing.ts'
import type { WindowLayout } from './window-layout.ts'

export class RunningWindows {
  readonly #state: KeyedStateBackend
  readonly #contents: WindowContents
  readonly #layout: WindowLayout
  readonly #held: HeldKeys
  /** End of the last window that has begun to fire. */
  #end = Number.NEGATIVE_INFINITY

  constructor(state: KeyedStateBackend, contents: WindowContents, layout: WindowLayout) {
    this.#state = state
    this.#contents = contents
    this.#layout = layout
    this.#held = new HeldKeys(state, contents)
  }

  /** Keys that are held. */
  get keys(): number {
    return this.#held.rows.count
  }

  get bytesEstimate(): number {
    return this.#held.bytesEstimate
  }

  /** Fires the window that ends at `end`; windows fire in order. */
  fire(end: number): WindowFiring {
    const start = end - this.#layout.sizeMs
    const from = Math.max(this.#end, start)
    this.#end = end
    const newest = this.#contents.namespacesOf(end).filter((sliceEnd) => sliceEnd > from)
    const window = { number: this.#layout.windowFrom(start), start, end, ...this.#layout.blockOf(end) }
    this.#held.beginFiring(window)
    return new RunningFiring({ state: this.#state, contents: this.#contents, held: this.#held, newest, window })
  }

  /** A record of the current key has come into a slice. */
  onAdded(sliceEnd: number): void {
    if (sliceEnd > this.#end || this.#layout.lastWindowEndOf(sliceEnd) <= this.#end) return
    this.#held.touch(sliceEnd)
  }

  /** Forgets everything, when there is nothing in state. */
  clear(): void {
    this.#held.clear()
  }
}

interface RunningFiringOptions {
  readonly state: KeyedStateBackend
  readonly contents: WindowContents
  readonly held: HeldKeys
  /** Slices that are to be taken in, ascending. */
  readonly newest: readonly number[]
  readonly window: CurrentWindow
}

/** First takes the new slices in, then walks all keys that are held, then the others. */
class RunningFiring implements WindowFiring {
  readonly #options: RunningFiringOptions
  readonly #held: HeldKeys
  readonly #rows: HeldKeys['rows']
  readonly #merge: HeldKeys['merge']
  readonly #maxParallelism: number
  readonly #window: CurrentWindow
  readonly #newest: readonly number[]
  #slice = -1
  #cursor: NamespaceCursor<Accumulator> | undefined
  #row = 0
  #isSettling = false
  #unheld: UnheldFiring | undefined

  constructor(options: RunningFiringOptions) {
    const { state, held, newest, window } = options
    this.#options = options
    this.#held = held
    this.#rows = held.rows
    this.#merge = held.merge
    this.#maxParallelism = state.maxParallelism
    this.#newest = newest
    this.#window = window
  }

  get windowEnd(): number {
    return this.#window.end
  }

  get key(): unknown {
    if (this.#slice < this.#newest.length) return this.#cursor?.key
    return this.#isSettling ? this.#rows.pageOf(this.#row).keys[this.#row & PAGE_MASK] : this.#unheld?.key
  }

  step(results: WindowResults, budget: TurnBudget): boolean {
    if (!this.#takeNewest(budget) || !this.#walk(results, budget) || !this.#walkUnheld(results, budget)) return false
    this.#held.endFiring()
    return true
  }

  #takeNewest(budget: TurnBudget): boolean {
    while (this.#slice < this.#newest.length) {
      const cursor = this.#cursor
      const end = this.#newest[this.#slice] as number
      while (cursor !== undefined) {
        if (budget.units <= 0) return false
        if (!cursor.next()) break
        budget.units--
        const { key, value } = cursor
        const row = this.#held.rowIn(key, end, this.#window)
        if (row >= 0) this.#merge.add(row, end, value, this.#window)
      }
      const slice = this.#newest[++this.#slice]
      if (slice !== undefined) this.#held.beginSlice()
      this.#cursor = slice === undefined ? undefined : this.#options.contents.cursor(slice)
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

  #walkUnheld(results: WindowResults, budget: TurnBudget): boolean {
    const upTo = this.#held.unheldUpTo
    if (upTo === Number.NEGATIVE_INFINITY) return true
    const { state, contents } = this.#options
    this.#unheld ??= new UnheldFiring({ state, contents, rows: this.#rows, window: this.#window, upTo })
    return this.#unheld.step(results, budget)
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
    const row = this.#row
    const page = this.#rows.pageOf(row)
    const key = page.keys[row & PAGE_MASK]
    const hash = page.hashes[row & PAGE_MASK] as number
    if (!results.isReplay || results.isDue(key, keyGroupOfHash(hash, this.#maxParallelism))) {
      this.#isSettling = true
      const accumulator = this.#merge.mergedAnew(row)
      this.#isSettling = false
      if (accumulator !== undefined) results.emit(key, accumulator)
    }
    this.#row = row + 1
  }
}
