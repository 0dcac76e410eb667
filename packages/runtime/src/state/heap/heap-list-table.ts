/** A list per key, stored as one entry. A list that was handed out is never changed: the next change copies it. */
import type { ListTable } from '@millrace/core'
import { DELETED, type Entry, type EntryMap } from './entry-map.ts'
import type { RestoredEntry } from './heap-table.ts'
import { ShardedTable } from './sharded-table.ts'

interface ListCell {
  items: unknown[]
  /** Somebody outside holds `items`. */
  handedOut: boolean
}

const EMPTY: readonly never[] = Object.freeze([])

export class HeapListTable<V> extends ShardedTable implements ListTable<V> {
  readonly isNested = false

  get(): readonly V[] {
    const entry = this.#find()
    if (!this.isVisible(this.home.current.mapKey, entry)) return EMPTY
    const cell = entry.value as ListCell
    cell.handedOut = true
    return cell.items as V[]
  }

  append(value: V): void {
    const entry = this.#find()
    if (!this.isVisible(this.home.current.mapKey, entry)) {
      this.#write([value])
      return
    }
    // Encodes the list for an open snapshot while it is still as it was.
    this.home.tracker.beforeChange(entry)
    const cell = entry.value as ListCell
    if (cell.handedOut) {
      cell.items = [...cell.items, value]
      cell.handedOut = false
    } else {
      cell.items.push(value)
    }
    if (this.descriptor.ttlMs !== undefined) entry.writtenAtMs = this.home.now()
  }

  replace(values: readonly V[]): void {
    if (values.length === 0) this.remove()
    else this.#write([...values])
  }

  remove(): void {
    const entry = this.#find()
    if (this.isVisible(this.home.current.mapKey, entry)) this.erase(this.home.current.mapKey, entry)
  }

  override storedValue(entry: Entry): unknown {
    return entry.value === DELETED ? DELETED : (entry.value as ListCell).items
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const cell: ListCell = { items: restored.value as unknown[], handedOut: false }
    this.restoreInto(this.shard(keyGroup), restored.key, keyGroup, restored, cell)
  }

  onEmptied(_map: EntryMap): void {}

  #write(items: unknown[]): void {
    const { key, keyGroup, mapKey } = this.home.current
    const cell: ListCell = { items, handedOut: false }
    this.write(this.shard(keyGroup), mapKey, this.#find(), key, keyGroup, cell)
  }

  #find(): Entry | undefined {
    const { keyGroup, mapKey } = this.home.current
    return this.existingShard(keyGroup)?.find(mapKey)
  }
}
