/** One value per key. */
import type { ValueTable } from '@millrace/core'
import type { Entry, EntryMap } from './entry-map.ts'
import type { RestoredEntry } from './heap-table.ts'
import { ShardedTable } from './sharded-table.ts'

export class HeapValueTable<V> extends ShardedTable implements ValueTable<V> {
  readonly isNested = false
  #foundSerial = -1
  #found: Entry | undefined

  get(): V | undefined {
    const entry = this.#find()
    if (!this.isVisible(this.home.current.mapKey, entry)) return undefined
    this.home.tracker.beforeRead(entry)
    return entry.value as V
  }

  put(value: V): void {
    const { key, keyGroup, mapKey } = this.home.current
    this.#found = this.write(this.shard(keyGroup), mapKey, this.#find(), key, keyGroup, value)
  }

  remove(): void {
    const { mapKey } = this.home.current
    const entry = this.#find()
    if (this.isVisible(mapKey, entry)) this.erase(mapKey, entry)
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    this.restoreInto(this.shard(keyGroup), restored.key, keyGroup, restored, restored.value)
  }

  onEmptied(_map: EntryMap): void {}

  #find(): Entry | undefined {
    const current = this.home.current
    if (this.#foundSerial === current.serial) return this.#found
    this.#foundSerial = current.serial
    this.#found = this.existingShard(current.keyGroup)?.find(current.mapKey)
    return this.#found
  }
}
