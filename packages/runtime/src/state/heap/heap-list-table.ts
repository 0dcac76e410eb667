/**
 * A list per key, stored as one entry. A list that was handed out is never changed: the next change copies it.
 *
 * With a time to live each element has its own time, and the entry has the oldest of them: it counts as expired as soon as one of its
 * elements has. Then the expired elements go, and the entry with the last.
 */
import type { ListTable } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import { KeyedTable } from './keyed-table.ts'

interface ListCell {
  items: unknown[]
  /** When each was written; only with a time to live. */
  timesMs: number[] | undefined
  /** Somebody outside holds `items`. */
  handedOut: boolean
}

const EMPTY: readonly never[] = Object.freeze([])

export class HeapListTable<V> extends KeyedTable implements ListTable<V> {
  readonly isNested = false

  get(): readonly V[] {
    const { map } = this
    const row = this.find()
    if (!this.isReadable(map, row)) return EMPTY
    const cell = map.value(row) as ListCell
    cell.handedOut = true
    const { items } = cell
    if (this.expiry?.returnsExpired === true) this.removeExpired(map, row)
    if (this.expiry?.renewsOnRead === true && map.isLive(row)) this.#renewAll(row)
    return items as V[]
  }

  append(value: V): void {
    const { map } = this
    const row = this.find()
    // An expired part of it is of no use here, whoever may still read it.
    if (!map.isLive(row)) {
      this.#write([value])
      return
    }
    // Encodes the list for an open snapshot while it is still as it was.
    this.home.tracker.beforeChange(map, row)
    const cell = map.value(row) as ListCell
    if (cell.handedOut) {
      cell.items = [...cell.items, value]
      cell.handedOut = false
    } else {
      cell.items.push(value)
    }
    cell.timesMs?.push(this.home.now())
  }

  replace(values: readonly V[]): void {
    if (values.length === 0) this.remove()
    else this.#write([...values])
  }

  remove(): void {
    const row = this.find()
    if (this.map.isLive(row)) this.erase(this.map, row)
  }

  protected override isVisible(map: EntryMap, row: number): boolean {
    if (this.expiry !== undefined && map.isLive(row)) this.removeExpired(map, row)
    return map.isLive(row)
  }

  override removeExpired(map: EntryMap, row: number): boolean {
    if (!this.hasExpired(map.partOf(row).writtenAtMs(atOf(row)))) return false
    const cell = map.value(row) as ListCell
    const { items, timesMs } = cell
    if (timesMs === undefined) return false
    const kept = timesMs.flatMap((timeMs, index) => (this.hasExpired(timeMs) ? [] : [index]))
    if (kept.length === 0) {
      this.erase(map, row)
      return true
    }
    if (kept.length === items.length) return false
    this.home.tracker.beforeChange(map, row)
    const left = kept.map((index) => timesMs[index] as number)
    map.setValue(row, { items: kept.map((index) => items[index]), timesMs: left, handedOut: false } satisfies ListCell)
    this.setWrittenAt(map, row, oldestOf(left), true)
    return true
  }

  override storedValue(value: unknown): unknown {
    return (value as ListCell).items
  }

  override elementTimesMs(value: unknown): readonly number[] | undefined {
    return this.expiry === undefined ? undefined : (value as ListCell).timesMs
  }

  override isLeftOut(value: unknown, writtenAtMs: number, nowMs: number): boolean {
    if (!super.isLeftOut(value, writtenAtMs, nowMs)) return false
    return (value as ListCell).timesMs?.every((timeMs) => super.isLeftOut(value, timeMs, nowMs)) === true
  }

  /** Where elements have no times of their own, that of the list is that of each. */
  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const items = restored.value as unknown[]
    const { elementTimesMs, writtenAtMs } = restored
    const timesMs =
      elementTimesMs === undefined
        ? writtenAtMs === undefined
          ? undefined
          : items.map(() => writtenAtMs)
        : [...elementTimesMs]
    const cell: ListCell = { items, timesMs, handedOut: false }
    const oldest = timesMs === undefined ? undefined : oldestOf(timesMs)
    this.restoreInto(this.map, restored.key, keyGroup, oldest, cell)
  }

  onEmptied(_map: EntryMap): void {}

  protected override onTimeUnknown(value: unknown, nowMs: number): void {
    const cell = value as ListCell
    cell.timesMs = cell.items.map(() => nowMs)
  }

  #renewAll(row: number): void {
    const { map } = this
    const nowMs = this.home.now()
    const cell = map.value(row) as ListCell
    if (cell.timesMs?.every((timeMs) => timeMs === nowMs) === true) return
    this.home.tracker.beforeChange(map, row)
    cell.timesMs = cell.items.map(() => nowMs)
    this.setWrittenAt(map, row, nowMs, true)
  }

  #write(items: unknown[]): void {
    const { key, keyGroup, hash } = this.home.current
    const nowMs = this.home.now()
    const timesMs = this.expiry === undefined ? undefined : items.map(() => nowMs)
    const cell: ListCell = { items, timesMs, handedOut: false }
    this.noteFound(this.write(this.map, this.find(), hash, key, keyGroup, cell))
  }
}

/** Of times that are not none. */
export function oldestOf(timesMs: readonly number[]): number {
  let oldest = Number.POSITIVE_INFINITY
  for (const timeMs of timesMs) if (timeMs < oldest) oldest = timeMs
  return oldest
}
