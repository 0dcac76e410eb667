/**
 * One walk over the entries of a table with a time to live, which removes those that have expired. It can stop after every row and
 * goes on there, whatever has changed meanwhile. Rows without an entry count as looked at: a table from which most is gone costs no
 * more.
 */
import { REMOVAL_UNITS } from '@millrace/core'
import type { ExpiryWalk } from '../table-state-backend.ts'
import { EntryMap } from './entry-map.ts'
import { ROWS_MAX } from './entry-rows.ts'
import type { HeapTable } from './heap-table.ts'

export class HeapExpiryWalk implements ExpiryWalk {
  readonly #table: HeapTable
  readonly #outer: Place
  /** Where `table.isNested`: the map of the key that the walk is at. */
  #inner: Place | undefined

  constructor(table: HeapTable) {
    this.#table = table
    this.#outer = new Place(table.map)
  }

  get isDone(): boolean {
    return this.#outer.isEnd && this.#inner === undefined
  }

  /** Goes on for about so many units; returns what is left of them, at most 0 when the walk is not done. */
  step(units: number): number {
    const table = this.#table
    let left = units
    while (left > 0 && !this.isDone) {
      const place = this.#inner ?? this.#outer
      left--
      const row = place.next()
      if (row >= 0 && table.isNested && place === this.#outer) {
        const inner = place.map.value(row)
        if (inner instanceof EntryMap) this.#inner = new Place(inner)
      } else if (row >= 0 && table.removeExpired(place.map, row)) {
        left -= REMOVAL_UNITS
      }
      if (this.#inner?.isEnd === true) this.#inner = undefined
    }
    return left
  }
}

/** A row of a map. */
class Place {
  readonly map: EntryMap
  #part = 0
  #at = 0

  constructor(map: EntryMap) {
    this.map = map
  }

  get isEnd(): boolean {
    return this.map.detached || this.#part >= this.map.parts.length
  }

  /** Looks at one row and returns it if there is an entry, else −1. */
  next(): number {
    const rows = this.map.parts[this.#part]
    if (rows === undefined || this.#at >= rows.size) {
      this.#part++
      this.#at = 0
      return -1
    }
    const at = this.#at++
    return rows.isLive(at) ? this.#part * ROWS_MAX + at : -1
  }
}
