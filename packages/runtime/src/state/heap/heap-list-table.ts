/** A list per key, stored as one entry. A list that was handed out is never changed: the next change copies it. */
import type { ListTable } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import { KeyedTable } from './keyed-table.ts'

interface ListCell {
  items: unknown[]
  /** Somebody outside holds `items`. */
  handedOut: boolean
}

const EMPTY: readonly never[] = Object.freeze([])

export class HeapListTable<V> extends KeyedTable implements ListTable<V> {
  readonly isNested = false

  get(): readonly V[] {
    const { map } = this
    const row = this.find()
    if (!this.isVisible(map, row)) return EMPTY
    const cell = map.value(row) as ListCell
    cell.handedOut = true
    return cell.items as V[]
  }

  append(value: V): void {
    const { map } = this
    const row = this.find()
    if (!this.isVisible(map, row)) {
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
    if (this.descriptor.ttlMs !== undefined) map.partOf(row).setWrittenAtMs(atOf(row), this.home.now())
  }

  replace(values: readonly V[]): void {
    if (values.length === 0) this.remove()
    else this.#write([...values])
  }

  remove(): void {
    const row = this.find()
    if (this.isVisible(this.map, row)) this.erase(this.map, row)
  }

  override storedValue(value: unknown): unknown {
    return (value as ListCell).items
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const cell: ListCell = { items: restored.value as unknown[], handedOut: false }
    this.restoreInto(this.map, restored.key, keyGroup, restored, cell)
  }

  onEmptied(_map: EntryMap): void {}

  #write(items: unknown[]): void {
    const { key, keyGroup, hash } = this.home.current
    const cell: ListCell = { items, handedOut: false }
    this.noteFound(this.write(this.map, this.find(), hash, key, keyGroup, cell))
  }
}
