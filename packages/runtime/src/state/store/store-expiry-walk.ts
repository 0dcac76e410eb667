/**
 * One walk over the entries of a table with a time to live, which removes those that have expired. It can stop after every entry and
 * goes on there, whatever has changed meanwhile.
 */
import { REMOVAL_UNITS } from '@millrace/core'
import type { ExpiryWalk } from '../table-state-backend.ts'
import type { TableWalk } from './entry-store.ts'
import type { StoreTable } from './store-table.ts'

/** Looking at an entry reads its record, with others beside it, from the disk or what the system keeps of it. */
const LOOK_UNITS = 16

export class StoreExpiryWalk implements ExpiryWalk {
  readonly #table: StoreTable
  readonly #walk: TableWalk

  constructor(table: StoreTable) {
    this.#table = table
    this.#walk = table.home.store.walkTable(table, (writtenAtMs) => table.hasExpired(writtenAtMs))
  }

  get isDone(): boolean {
    return this.#walk.isDone
  }

  /** Goes on for about so many units; returns what is left of them, at most 0 when the walk is not done. */
  step(units: number): number {
    let left = units
    while (left > 0 && !this.#walk.isDone) {
      left -= LOOK_UNITS
      const entry = this.#walk.next()
      if (entry !== undefined && this.#table.removeExpired(entry)) left -= REMOVAL_UNITS
    }
    return left
  }
}
