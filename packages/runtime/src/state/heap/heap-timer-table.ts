/**
 * Timers: a namespaced table (time, then key) for entries of which many have a time of their own. A map for each namespace, as
 * `HeapNamespacedTable` has, would take over a kilobyte for each such timer. Here all entries are rows of one map, by time and key
 * together, and `RowsByTime` knows which are of one time, and the earliest.
 *
 * Invariant: exactly the rows of live entries are in `RowsByTime`.
 */
import { hashKey, type NamespaceCursor, type NamespacedTable, TIMER_TABLES } from '@millrace/core'
import { hashEntryKey } from '../entry-hash.ts'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import type { EntryRows } from './entry-rows.ts'
import { type EntryAddress, HeapTable } from './heap-table.ts'
import { RowsByTime, type RowWalk } from './rows-by-time.ts'

/** How an entry is known in the map. */
type TimeAndKey = readonly [time: number, key: unknown]

/** Whether a table holds timers, by its name: what is restored is not declared yet. */
export function isTimerTable({ kind, name }: { readonly kind: string; readonly name: string }): boolean {
  return kind === 'namespaced' && name.startsWith(TIMER_TABLES)
}

export class HeapTimerTable<V> extends HeapTable implements NamespacedTable<V> {
  readonly isNested = false
  /** Of time and key apart: the key's is known when it is the current one, and no array is hashed. */
  override readonly hashOfRow = (part: EntryRows, at: number): number => {
    const [time, key] = part.key(at) as TimeAndKey
    return hashOf(time, hashEntryKey(key, part.keyGroup(at)))
  }
  readonly #rows = new RowsByTime()

  /** Its hashes are not those of keys. */
  protected get likelyMap(): EntryMap | undefined {
    return undefined
  }

  get(time: number): V | undefined {
    const { key, hash } = this.home.current
    return this.read(this.map, this.map.find(hashOf(time, hash), [time, key])) as V | undefined
  }

  put(time: number, value: V): void {
    const { key, hash, keyGroup } = this.home.current
    const own: TimeAndKey = [time, key]
    const ownHash = hashOf(time, hash)
    const found = this.map.find(ownHash, own)
    const wasLive = this.map.isLive(found)
    const row = this.write(this.map, found, ownHash, own, keyGroup, value)
    // −0 and 0 are one time.
    if (!wasLive) this.#rows.add(row, time + 0)
  }

  remove(time: number): void {
    const { key, hash } = this.home.current
    const row = this.map.find(hashOf(time, hash), [time, key])
    if (this.map.isLive(row)) this.erase(this.map, row)
  }

  firstNamespace(): number | undefined {
    return this.#rows.first
  }

  namespaces(): readonly number[] {
    return this.#rows.times()
  }

  size(time: number): number {
    return this.#rows.countAt(time)
  }

  cursor(time: number): NamespaceCursor<V> {
    return new TimerCursor<V>(this.#rows.walk(time), this)
  }

  dropNamespace(time: number): void {
    const walk = this.#rows.walk(time)
    for (let row = walk.next(); row >= 0; row = walk.next()) this.erase(this.map, row)
  }

  restoreEntry(keyGroup: number, { key, sub, value, writtenAtMs }: RestoredEntry): void {
    const time = sub as number
    const hash = hashOf(time, hashEntryKey(key, keyGroup))
    this.#rows.add(this.restoreInto(this.map, [time, key], keyGroup, writtenAtMs, value, hash), time + 0)
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

  /** Removes an entry that a walk is at. */
  removeRow(row: number): void {
    if (this.map.isLive(row)) this.erase(this.map, row)
  }

  protected override erase(map: EntryMap, row: number): void {
    this.#rows.remove(row)
    super.erase(map, row)
  }
}

/** Also of −0 as of 0, since the hash of a number is. */
function hashOf(time: number, keyHash: number): number {
  return ((keyHash << 13) | (keyHash >>> 19)) ^ hashKey(time)
}

class TimerCursor<V> implements NamespaceCursor<V> {
  readonly #walk: RowWalk
  readonly #table: HeapTimerTable<V>
  #row = -1
  key: unknown
  keyGroup = -1
  #value: V | undefined

  constructor(walk: RowWalk, table: HeapTimerTable<V>) {
    this.#walk = walk
    this.#table = table
  }

  get value(): V {
    return this.#value as V
  }

  next(): boolean {
    const row = this.#walk.next()
    this.#row = row
    if (row < 0) return false
    const { key, keyGroup, value } = this.#table.visit(row)
    this.key = key
    this.keyGroup = keyGroup
    this.#value = value
    return true
  }

  remove(): void {
    if (this.#row >= 0) this.#table.removeRow(this.#row)
    this.#row = -1
  }
}
