/**
 * The part of a firing of overlapping windows that is about keys of which nothing is held (`HeldKeys`): walks the slices of
 * the window in state, and merges what a key has in them at the oldest one that has it. A key costs about two look-ups for
 * each slice of the window.
 *
 * Merged is in the order in which `RunningMerge` does it for keys that are held, so that results are the same to the last
 * bit.
 */
import { hashKey } from '../key/key-hash.ts'
import type { TurnBudget } from '../operator/operator.ts'
import type { KeyedStateBackend, NamespaceCursor } from '../state/state-backend.ts'
import { isCompact } from './is-compact.ts'
import type { CurrentWindow } from './running-merge.ts'
import type { RunningRows } from './running-rows.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'
import type { WindowResults } from './window-firing.ts'

export interface UnheldFiringOptions {
  readonly state: KeyedStateBackend
  readonly contents: WindowContents
  /** The keys that are held. */
  readonly rows: RunningRows
  readonly window: CurrentWindow
  /** Slices that end later have no other keys. */
  readonly upTo: number
}

export class UnheldFiring {
  readonly #options: UnheldFiringOptions
  /** All of the window, ascending. */
  readonly #slices: readonly number[]
  #slice = -1
  #cursor: NamespaceCursor<Accumulator> | undefined

  constructor(options: UnheldFiringOptions) {
    this.#options = options
    this.#slices = options.contents.namespacesOf(options.window.end)
  }

  get key(): unknown {
    return this.#cursor?.key
  }

  /** Goes on until `results` has no room or the budget is used up; true at the end. */
  step(results: WindowResults, budget: TurnBudget): boolean {
    for (;;) {
      if (budget.units <= 0 || results.isFull) return false
      if (this.#cursor?.next() !== true) {
        const slice = this.#slices[++this.#slice]
        if (slice === undefined || slice > this.#options.upTo) return true
        this.#cursor = this.#options.contents.cursor(slice)
        continue
      }
      budget.units--
      this.#take(this.#cursor, results)
    }
  }

  #take({ key, keyGroup }: NamespaceCursor<Accumulator>, results: WindowResults): void {
    const { state, contents, rows } = this.#options
    const hash = hashKey(key)
    if (rows.find(hash, key) >= 0) return
    state.setCurrentKey(key, keyGroup, hash)
    for (let older = this.#slice - 1; older >= 0; older--) {
      // It was met there.
      if (contents.stored(this.#slices[older] as number) !== undefined) return
    }
    if (results.isReplay && !results.isDue(key, keyGroup)) return
    const ends = this.#slices.filter((end, at) => at >= this.#slice && contents.stored(end) !== undefined)
    const accumulator = this.#merged(ends)
    if (accumulator !== undefined) results.emit(key, accumulator)
  }

  /** Of the current key, over slices that it has. */
  #merged(ends: readonly number[]): Accumulator | undefined {
    const { contents, window } = this.#options
    if (ends.length < 2) return contents.merged(ends)
    const stored = ends.map((end) => contents.stored(end) as Accumulator)
    const border = ends.findLastIndex((end) => end <= window.border) + 1
    const front = this.#folded(stored.slice(0, border).reverse(), 'into each')
    const back = this.#folded(stored.slice(border), 'into the first')
    const parts = [front, back].filter((part) => part !== undefined)
    const [first, second] = parts
    const isSmall = parts.every((part) => isCompact(part)) && stored.every((part) => isCompact(part))
    // As of held keys: what grows with its contents is merged from the oldest to the newest.
    if (!isSmall || first === undefined) return contents.merged(ends)
    return second === undefined ? first : this.#mergedInto(first, second)
  }

  /** `into each`: what came before is merged into a copy of the next one; else the next one into what came before. */
  #folded(stored: readonly Accumulator[], way: 'into each' | 'into the first'): Accumulator | undefined {
    let folded = stored[0]
    for (let at = 1; at < stored.length; at++) {
      const next = stored[at] as Accumulator
      folded =
        way === 'into each'
          ? this.#mergedInto(next, folded as Accumulator)
          : this.#mergedInto(folded as Accumulator, next)
    }
    return folded
  }

  /** Leaves both as they are. */
  #mergedInto(into: Accumulator, other: Accumulator): Accumulator {
    const { contents } = this.#options
    // Numbers are copied as held ones are: merging them into what `create` gives could round them.
    return contents.merge(areNumbers(into) ? copyOf(into) : contents.copy(into), other)
  }
}

function areNumbers(accumulator: Accumulator): accumulator is number | number[] {
  if (typeof accumulator === 'number') return true
  return Array.isArray(accumulator) && accumulator.every((item) => typeof item === 'number')
}

function copyOf(numbers: number | number[]): Accumulator {
  return typeof numbers === 'number' ? numbers : [...numbers]
}
