/**
 * A list per key, stored as one entry. A list that was handed out is never changed: the next change copies it.
 *
 * With a time to live each element has its own time, and the entry has the oldest of them, as in `HeapListTable`.
 */
import type { ListTable } from '@millrace/core'
import { estimateBytes } from '../bytes-estimate.ts'
import { oldestOf } from '../heap/heap-list-table.ts'
import type { RestoredEntry } from '../restored-group.ts'
import type { Entry } from './entry-cache.ts'
import { KeyedStoreTable } from './keyed-store-table.ts'

interface ListCell {
  items: unknown[]
  /** When each was written; only with a time to live. */
  timesMs: number[] | undefined
  /** Somebody outside holds `items`. */
  handedOut: boolean
}

const EMPTY: readonly never[] = Object.freeze([])
const SLOT_BYTES = 8

export class StoreListTable<V> extends KeyedStoreTable implements ListTable<V> {
  get(): readonly V[] {
    const entry = this.find()
    if (!this.isReadable(entry)) return EMPTY
    const cell = entry.value as ListCell
    cell.handedOut = true
    const { items } = cell
    if (this.expiry?.returnsExpired === true) this.removeExpired(entry)
    // Removed without trace, it is in the cache no more.
    if (this.expiry?.renewsOnRead === true && entry.isLive && entry.row >= 0) this.#renewAll(entry)
    return items as V[]
  }

  append(value: V): void {
    const entry = this.find()
    // An expired part of it is of no use here, whoever may still read it.
    if (entry?.isLive !== true) {
      this.#write([value])
      return
    }
    const { store } = this.home
    const cell = entry.value as ListCell
    if (cell.handedOut) {
      cell.items = [...cell.items, value]
      cell.handedOut = false
    } else {
      cell.items.push(value)
    }
    cell.timesMs?.push(store.now())
    store.cache.resize(entry, entry.bytes + SLOT_BYTES + estimateBytes(value))
    store.touch(entry)
  }

  replace(values: readonly V[]): void {
    if (values.length === 0) this.remove()
    else this.#write([...values])
  }

  remove(): void {
    const entry = this.find()
    if (entry?.isLive === true) this.erase(entry)
  }

  override restoreEntry(keyGroup: number, { key, value, writtenAtMs, elementTimesMs }: RestoredEntry): void {
    const items = value as unknown[]
    const ofAll = writtenAtMs === undefined ? undefined : items.map(() => writtenAtMs)
    const timesMs = elementTimesMs === undefined ? ofAll : [...elementTimesMs]
    const cell: ListCell = { items, timesMs, handedOut: false }
    this.restoreInto(keyGroup, key, cell, timesMs === undefined ? undefined : oldestOf(timesMs))
  }

  override removeExpired(entry: Entry): boolean {
    if (!this.hasExpired(entry.writtenAtMs)) return false
    const { items, timesMs } = entry.value as ListCell
    if (timesMs === undefined) return false
    const kept = timesMs.flatMap((timeMs, index) => (this.hasExpired(timeMs) ? [] : [index]))
    if (kept.length === 0) {
      this.erase(entry)
      return true
    }
    if (kept.length === items.length) return false
    const left = kept.map((index) => timesMs[index] as number)
    entry.value = { items: kept.map((index) => items[index]), timesMs: left, handedOut: false } satisfies ListCell
    this.setWrittenAt(entry, oldestOf(left))
    this.home.store.touch(entry)
    return true
  }

  override isLeftOut(value: unknown, writtenAtMs: number, nowMs: number): boolean {
    if (!super.isLeftOut(value, writtenAtMs, nowMs)) return false
    return (value as ListCell).timesMs?.every((timeMs) => super.isLeftOut(value, timeMs, nowMs)) === true
  }

  override elementTimesMs(value: unknown): readonly number[] | undefined {
    return this.expiry === undefined ? undefined : (value as ListCell).timesMs
  }

  override storedValue(value: unknown): unknown {
    return (value as ListCell).items
  }

  override recordValue(value: unknown): unknown {
    const { items, timesMs } = value as ListCell
    return [items, timesMs]
  }

  override loadedValue(value: unknown): unknown {
    const [items, timesMs] = value as [unknown[], number[] | undefined]
    return { items, timesMs, handedOut: false } satisfies ListCell
  }

  protected override isVisible(entry: Entry | undefined): entry is Entry {
    if (entry === undefined || !entry.isLive) return false
    if (this.expiry !== undefined) this.removeExpired(entry)
    return entry.isLive && entry.row >= 0
  }

  protected override onTimeUnknown(value: unknown, nowMs: number): void {
    const cell = value as ListCell
    cell.timesMs = cell.items.map(() => nowMs)
  }

  #renewAll(entry: Entry): void {
    const nowMs = this.home.store.now()
    const cell = entry.value as ListCell
    if (cell.timesMs?.every((timeMs) => timeMs === nowMs) === true) return
    cell.timesMs = cell.items.map(() => nowMs)
    this.setWrittenAt(entry, nowMs)
    this.home.store.touch(entry)
  }

  #write(items: unknown[]): void {
    const nowMs = this.home.store.now()
    const timesMs = this.expiry === undefined ? undefined : items.map(() => nowMs)
    this.write(this.find(), { items, timesMs, handedOut: false } satisfies ListCell)
  }
}
