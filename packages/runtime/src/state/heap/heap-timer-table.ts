/**
 * Timers: a namespaced table (time, then key) for entries of which most have a time of their own. A map for each namespace, as
 * `HeapNamespacedTable` has, would take over a kilobyte for each such timer. Here all entries are rows of one map, by time and key
 * together, and a queue knows the earliest.
 *
 * Looking for a timer, setting one and taking one back do not depend on how many there are, but for the queue's logarithm. What an
 * operator asks of timers never walks all of them; `namespaces` and `size` do.
 *
 * Invariant: every live entry stands in the queue, at least once; what stands there and does not live any more is passed over.
 */
import { hashKey, type NamespaceCursor, type NamespacedTable, TIMER_TABLES } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import { type EntryAddress, HeapTable } from './heap-table.ts'
import { RowQueue } from './row-queue.ts'

/** How an entry is known in the map. */
type TimeAndKey = readonly [time: number, key: unknown]

/** Whether a table holds timers, by its name: what is restored is not declared yet. */
export function isTimerTable({ kind, name }: { readonly kind: string; readonly name: string }): boolean {
  return kind === 'namespaced' && name.startsWith(TIMER_TABLES)
}

/** The queue may hold so many entries that do not live any more, and as many as live. */
const QUEUE_STALE_MIN = 1_024

export class HeapTimerTable<V> extends HeapTable implements NamespacedTable<V> {
  readonly isNested = false
  readonly #queue = new RowQueue()

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
    if (!wasLive) this.#enqueue(time, row)
  }

  remove(time: number): void {
    const own = this.#own(time)
    const row = this.map.find(hashKey(own), own)
    if (this.map.isLive(row)) this.erase(this.map, row)
  }

  firstNamespace(): number | undefined {
    const queue = this.#queue
    while (queue.size > 0) {
      if (this.#isAt(queue.firstRow, queue.firstTime)) return queue.firstTime
      queue.pop()
    }
    return undefined
  }

  namespaces(): readonly number[] {
    return [...new Set(this.#times())].sort((a, b) => a - b)
  }

  size(time: number): number {
    return this.#times().filter((each) => each === time).length
  }

  cursor(time: number): NamespaceCursor<V> {
    return new TimerCursor<V>(this.#rowsAt(time), (row) => this.#isAt(row, time), this)
  }

  dropNamespace(time: number): void {
    for (const row of this.#rowsAt(time)) if (this.#isAt(row, time)) this.erase(this.map, row)
  }

  restoreEntry(keyGroup: number, { key, sub, value, writtenAtMs }: RestoredEntry): void {
    const time = sub as number
    this.#enqueue(time, this.restoreInto(this.map, [time, key], keyGroup, writtenAtMs, value))
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

  /** Whether the row holds a live entry of that time: rows are given to others. */
  #isAt(row: number, time: number): boolean {
    return this.map.isLive(row) && (this.map.key(row) as TimeAndKey)[0] === time
  }

  #enqueue(time: number, row: number): void {
    // −0 and 0 are one time.
    this.#queue.push(time + 0, row)
    if (this.#queue.size > this.entryCount * 2 + QUEUE_STALE_MIN) this.#rebuildQueue()
  }

  #rebuildQueue(): void {
    this.#queue.clear()
    const walk = this.map.walk()
    for (let row = walk.next(); row >= 0; row = walk.next()) {
      if (this.map.isLive(row)) this.#queue.push((this.map.key(row) as TimeAndKey)[0], row)
    }
  }

  /** The rows that may hold entries of a time, each once. */
  #rowsAt(time: number): Int32Array {
    const rows = Int32Array.from(this.#queue.rowsAt(time)).sort()
    return rows.filter((row, index) => index === 0 || row !== rows[index - 1])
  }

  #times(): number[] {
    const times: number[] = []
    const walk = this.map.walk()
    for (let row = walk.next(); row >= 0; row = walk.next()) {
      if (this.map.isLive(row)) times.push((this.map.key(row) as TimeAndKey)[0])
    }
    return times
  }
}

class TimerCursor<V> implements NamespaceCursor<V> {
  readonly #rows: Int32Array
  readonly #isThere: (row: number) => boolean
  readonly #table: HeapTimerTable<V>
  #next = 0
  key: unknown
  keyGroup = -1
  #value: V | undefined

  constructor(rows: Int32Array, isThere: (row: number) => boolean, table: HeapTimerTable<V>) {
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
