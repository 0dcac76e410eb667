/**
 * One walk over the entries of a table with a time to live, which removes those that have expired. It can stop after every entry and
 * goes on there, whatever has changed meanwhile.
 */
import { REMOVAL_UNITS } from '@millrace/core'
import type { EntryStore } from './entry-store.ts'
import { EntryWalk } from './entry-walk.ts'
import type { RecordMap } from './record-map.ts'
import type { StoreTable } from './store-table.ts'

/** Looking at an entry reads its record, with others beside it, from the disk or what the system keeps of it. */
const LOOK_UNITS = 16

export class ExpiryWalk {
  readonly #table: StoreTable
  readonly #store: EntryStore
  readonly #maps: Iterator<RecordMap>
  #walk: EntryWalk | undefined
  isDone = false

  constructor(table: StoreTable) {
    this.#table = table
    this.#store = table.home.store
    this.#maps = table.liveMaps()[Symbol.iterator]()
  }

  /** Goes on for about so many units; returns what is left of them, at most 0 when the walk is not done. */
  step(units: number): number {
    let left = units
    while (left > 0 && !this.isDone) {
      left -= LOOK_UNITS
      const entry = this.#walk?.next()
      if (entry === undefined) this.#enterNext()
      else if (this.#table.removeExpired(entry)) left -= REMOVAL_UNITS
    }
    return left
  }

  #enterNext(): void {
    const next = this.#maps.next()
    if (next.done === true) this.isDone = true
    else this.#walk = new EntryWalk(this.#store, next.value)
  }
}
