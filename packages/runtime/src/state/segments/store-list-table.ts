/** A list per key, stored as one entry. A list that was handed out is never changed: the next change copies it. */
import type { ListTable } from '@millrace/core'
import { estimateBytes } from '../heap/bytes-estimate.ts'
import { KeyedStoreTable } from './keyed-store-table.ts'

interface ListCell {
  items: unknown[]
  /** Somebody outside holds `items`. */
  handedOut: boolean
}

const EMPTY: readonly never[] = Object.freeze([])
const SLOT_BYTES = 8

export class StoreListTable<V> extends KeyedStoreTable implements ListTable<V> {
  get(): readonly V[] {
    const entry = this.find()
    if (!this.isVisible(entry)) return EMPTY
    const cell = entry.value as ListCell
    cell.handedOut = true
    return cell.items as V[]
  }

  append(value: V): void {
    const entry = this.find()
    if (!this.isVisible(entry)) {
      this.write(this.find(), this.loadedValue([value]))
      return
    }
    const cell = entry.value as ListCell
    if (cell.handedOut) {
      cell.items = [...cell.items, value]
      cell.handedOut = false
    } else {
      cell.items.push(value)
    }
    const { store } = this.home
    entry.writtenAtMs = this.writingTime()
    store.cache.resize(entry, entry.bytes + SLOT_BYTES + estimateBytes(value))
    store.touch(entry)
  }

  replace(values: readonly V[]): void {
    if (values.length === 0) this.remove()
    else this.write(this.find(), this.loadedValue([...values]))
  }

  remove(): void {
    const entry = this.find()
    if (this.isVisible(entry)) this.erase(entry)
  }

  override storedValue(value: unknown): unknown {
    return (value as ListCell).items
  }

  override loadedValue(value: unknown): unknown {
    return { items: value as unknown[], handedOut: false } satisfies ListCell
  }
}
