/** The firing of one window: a resumable walk over its keys. */
import type { TurnBudget } from '../operator/operator.ts'
import type { NamespaceCursor } from '../state/state-backend.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'

export interface WindowFiring {
  readonly windowEnd: number
  /** The key that it is at, for errors; `undefined` where that is the one whose result was emitted last. */
  readonly key: unknown
  /** Goes on until `results` has no room or the budget is used up; true at the end. */
  step(results: WindowResults, budget: TurnBudget): boolean
}

/** Takes what a window comes to for each of its keys. */
export interface WindowResults {
  readonly isFull: boolean
  /** Whether the window may have fired for some keys before a restore, so that `isDue` is to be asked. */
  readonly isReplay: boolean
  /** May change the current key. */
  isDue(key: unknown, keyGroup: number): boolean
  emit(key: unknown, accumulator: Accumulator): void
  /**
   * Emits rows `from …` up to the first that is not ready for window `number`, but none from `to` on, or until there is no
   * room; returns where it ended. Not in a replay.
   */
  emitReady(rows: ReadyRows, from: number, to: number, number: number): number
}

/** Keys side by side, with what they come to while that is numbers (`HeldColumn`). */
export interface ReadyRows {
  readonly keys: readonly unknown[]
  /** A row is ready for the windows with lower numbers. */
  readonly wholeUntil: Float64Array
  readonly whole: { readonly numbers: Float64Array | undefined; readonly width: number; get(row: number): Accumulator }
}

/** Of a window that shares nothing with others, so that it is one namespace. */
export class SeparateFiring implements WindowFiring {
  readonly windowEnd: number
  readonly #cursor: NamespaceCursor<Accumulator> | undefined

  constructor(contents: WindowContents, windowEnd: number) {
    this.windowEnd = windowEnd
    const [namespace] = contents.namespacesOf(windowEnd)
    this.#cursor = namespace === undefined ? undefined : contents.cursor(namespace)
  }

  get key(): unknown {
    return this.#cursor?.key
  }

  step(results: WindowResults, budget: TurnBudget): boolean {
    const cursor = this.#cursor
    if (cursor === undefined) return true
    for (;;) {
      if (budget.units <= 0 || results.isFull) return false
      if (!cursor.next()) return true
      budget.units--
      if (!results.isReplay || results.isDue(cursor.key, cursor.keyGroup)) results.emit(cursor.key, cursor.value)
    }
  }
}
