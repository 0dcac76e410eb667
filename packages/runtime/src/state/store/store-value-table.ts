/** One value per key. */
import type { ValueTable } from '@millrace/core'
import { KeyedStoreTable } from './keyed-store-table.ts'

export class StoreValueTable<V> extends KeyedStoreTable implements ValueTable<V> {
  get(): V | undefined {
    return this.read(this.find()) as V | undefined
  }

  put(value: V): void {
    this.write(this.find(), value)
  }

  remove(): void {
    const entry = this.find()
    if (this.isVisible(entry)) this.erase(entry)
  }
}
