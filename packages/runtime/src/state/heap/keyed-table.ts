/**
 * A table whose outermost map is by key: value, list and map tables. All key groups of the backend are in one map; an
 * entry knows its group. A map for each group would be over a hundred maps of a few entries, which push each other out
 * of the processor's caches.
 */
import type { EntryMap } from './entry-map.ts'
import { HeapTable } from './heap-table.ts'

export abstract class KeyedTable extends HeapTable {
  #foundSerial = -1
  #found = -1

  protected get likelyMap(): EntryMap {
    return this.map
  }

  /** The row of the current key, or −1. */
  protected find(): number {
    const current = this.home.current
    if (this.#foundSerial === current.serial) return this.#found
    this.#foundSerial = current.serial
    this.lookUps++
    this.#found = this.map.find(current.hash, current.key)
    return this.#found
  }

  /** The row that the current key, which `find` has looked for, was given. */
  protected noteFound(row: number): void {
    this.#found = row
  }
}
