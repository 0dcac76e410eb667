/**
 * The timers of one operator in one time domain: a namespaced table (time, then key) and the resumable walk that fires
 * what is due. A timer is state; it is gone before its call, so that a call may register it again.
 *
 * Invariants: timers fire in time order, also those that are registered while firing; a timer that was deleted does not
 * fire; none fires with a time above the limit.
 */
import { MillraceError } from '@millrace/api'
import type { TurnBudget } from '../operator/operator.ts'
import { timerTable } from '../state/declared-tables.ts'
import type { KeyedStateBackend, NamespaceCursor, NamespacedTable } from '../state/state-backend.ts'

interface Walk {
  readonly time: number
  cursor: NamespaceCursor<boolean>
}

export class TimerQueue {
  readonly #state: KeyedStateBackend
  readonly #table: NamespacedTable<boolean>
  /** Times that are being fired, the earliest last: an earlier one may be registered while a later one fires. */
  #walks: Walk[] = []

  constructor(state: KeyedStateBackend, operatorUid: string, domain: 'event' | 'processing') {
    this.#state = state
    this.#table = state.namespacedTable<boolean>(timerTable(operatorUid, domain))
  }

  /** Registers a timer of the current key; again changes nothing. `time` must be finite. */
  register(time: number): void {
    if (this.#table.get(time) === undefined) this.#table.put(time, true)
  }

  /** Takes back a timer of the current key; none is fine. */
  delete(time: number): void {
    this.#table.remove(time)
  }

  /** The earliest time, or `undefined`. */
  first(): number | undefined {
    return this.#table.firstNamespace()
  }

  /**
   * Fires timers up to and including `limit`: makes the key current, removes the timer, calls `fire`. Takes a unit of
   * the budget for each, and stops when `isBlocked` or the budget is used up. True when none is left that is due.
   */
  fireUpTo(limit: number, budget: TurnBudget, isBlocked: () => boolean, fire: (time: number) => void): boolean {
    for (;;) {
      const time = this.#table.firstNamespace()
      if (time === undefined || time > limit) {
        this.#walks = []
        return true
      }
      if (budget.units <= 0 || isBlocked()) return false
      const { cursor } = this.#next(time)
      this.#state.setCurrentKey(cursor.key, cursor.keyGroup)
      if (cursor.remove === undefined) this.#table.remove(time)
      else cursor.remove()
      budget.units--
      fire(time)
    }
  }

  /** The walk over the timers of `time`, the earliest there is, at a timer. */
  #next(time: number): Walk {
    let walk = this.#walks.at(-1)
    while (walk !== undefined && walk.time < time) {
      this.#walks.pop()
      walk = this.#walks.at(-1)
    }
    if (walk === undefined || walk.time !== time) {
      walk = { time, cursor: this.#table.cursor(time) }
      this.#walks.push(walk)
    }
    if (walk.cursor.next()) return walk
    // What is left was registered while the walk was past it.
    walk.cursor = this.#table.cursor(time)
    if (walk.cursor.next()) return walk
    throw new MillraceError('INTERNAL', `There are timers at ${time}, but none is found.`)
  }
}
