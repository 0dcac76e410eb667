/** One value per key. */
import type { ValueTable } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import { KeyedTable } from './keyed-table.ts'

export class HeapValueTable<V> extends KeyedTable implements ValueTable<V> {
  readonly isNested = false

  get(): V | undefined {
    const { map } = this
    const row = this.find()
    if (!this.isVisible(map, row)) return undefined
    this.home.tracker.beforeRead(map, row)
    return map.partOf(row).value(atOf(row)) as V
  }

  put(value: V): void {
    const { key, keyGroup, hash } = this.home.current
    this.noteFound(this.write(this.map, this.find(), hash, key, keyGroup, value))
  }

  remove(): void {
    const row = this.find()
    if (this.isVisible(this.map, row)) this.erase(this.map, row)
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    this.restoreInto(this.map, restored.key, keyGroup, restored, restored.value)
  }

  onEmptied(_map: EntryMap): void {}
}
