/**
 * Timers: a namespaced table (time, then key) for entries of which many have a time of their own. A map for each namespace, as
 * `HeapNamespacedTable` has, would take over a kilobyte for each such timer. Here all entries are rows of one map, by time and key
 * together, and `RowsByTime` knows which are of one time, and the earliest.
 *
 * Invariant: exactly the rows of live entries are in `RowsByTime`.
 */
import { hashKey, type NamespaceCursor, type NamespacedTable, TIMER_TABLES } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import { type EntryAddress, HeapTable } from './heap-table.ts'
import { RowsByTime } from './rows-by-time.ts'

/** How an entry is known in the map. */
type TimeAndKey = readonly [time: number, key: unknown]

/** Whether a table holds timers, by its name: what is restored is not declared yet. */
export function isTimerTable({ kind, name }: { readonly kind: string; readonly name: string }): boolean {
  return kind === 'namespaced' && name.startsWith(TIMER_TABLES)
}

export class HeapTimerTable<V> extends HeapTable implements NamespacedTable<V> {
  readonly isNested = false
  readonly #rows = new RowsByTime()

  /** Its hashes are not those of keys. */
  protected get likelyMap(): EntryMap | undefined {
    return undefined
  }

  get(time: number): V | undefined {
    const own = this.#own(time)
    return this.read(this.map, this.map.find(hashKey(own), own)) as V | undefined
  }

  put(time: number, value: V): void {
    const own = this.#own(time)
    const hash = hashKey(own)
    const found = this.map.find(hash, own)
    const wasLive = this.map.isLive(found)
    const row = this.write(this.map, found, hash, own, this.home.current.keyGroup, value)
    // −0 and 0 are one time.
    if (!wasLive) this.#rows.add(row, time + 0)
  }

  remove(time: number): void {
    const own = this.#own(time)
    const row = this.map.find(hashKey(own), own)
    if (this.map.isLive(row)) this.erase(this.map, row)
  }

  firstNamespace(): number | undefined {
    return this.#rows.first
  }

  namespaces(): readonly number[] {
    return this.#rows.times()
  }

  size(time: number): number {
    return this.#rows.rowsAt(time).length
  }

  cursor(time: number): NamespaceCursor<V> {
    return new TimerCursor<V>(this.#rows.rowsAt(time), (row) => this.#rows.has(row, time), this)
  }

  dropNamespace(time: number): void {
    for (const row of this.#rows.rowsAt(time)) this.erase(this.map, row)
  }

  restoreEntry(keyGroup: number, { key, sub, value, writtenAtMs }: RestoredEntry): void {
    const time = sub as number
    this.#rows.add(this.restoreInto(this.map, [time, key], keyGroup, writtenAtMs, value), time + 0)
  }

  onEmptied(_map: EntryMap): void {}

  override addressOf(map: EntryMap, row: number): EntryAddress {
    const [sub, key] = map.key(row) as TimeAndKey
    return { key, sub }
  }

  /** Hands out an entry to a walk. */
  visit(row: number): { readonly key: unknown; readonly keyGroup: number; readonly value: V } {
    const { map } = this
    const [, key] = map.key(row) as TimeAndKey
    return { key, keyGroup: map.partOf(row).keyGroup(atOf(row)), value: this.read(map, row) as V }
  }

  #own(time: number): TimeAndKey {
    return [time, this.home.current.key]
  }

  protected override erase(map: EntryMap, row: number): void {
    this.#rows.remove(row)
    super.erase(map, row)
  }
}

class TimerCursor<V> implements NamespaceCursor<V> {
  readonly #rows: readonly number[]
  readonly #isThere: (row: number) => boolean
  readonly #table: HeapTimerTable<V>
  #next = 0
  key: unknown
  keyGroup = -1
  #value: V | undefined

  constructor(rows: readonly number[], isThere: (row: number) => boolean, table: HeapTimerTable<V>) {
    this.#rows = rows
    this.#isThere = isThere
    this.#table = table
  }

  get value(): V {
    return this.#value as V
  }

  next(): boolean {
    while (this.#next < this.#rows.length) {
      const row = this.#rows[this.#next++] as number
      if (!this.#isThere(row)) continue
      const { key, keyGroup, value } = this.#table.visit(row)
      this.key = key
      this.keyGroup = keyGroup
      this.#value = value
      return true
    }
    return false
  }
}
