/** One value per key. */
import type { ValueTable } from '@millrace/core'
import { atOf, type EntryMap } from './entry-map.ts'
import type { RestoredEntry } from './heap-table.ts'
import { ShardedTable } from './sharded-table.ts'

export class HeapValueTable<V> extends ShardedTable implements ValueTable<V> {
  readonly isNested = false
  #foundSerial = -1
  #foundIn: EntryMap | undefined
  #found = -1

  get(): V | undefined {
    const row = this.#find()
    const map = this.#foundIn
    if (map === undefined || !this.isVisible(map, row)) return undefined
    this.home.tracker.beforeRead(map, row)
    return map.partOf(row).value(atOf(row)) as V
  }

  put(value: V): void {
    const { key, keyGroup, hash } = this.home.current
    const row = this.#find()
    this.#foundIn ??= this.shard(keyGroup)
    this.#found = this.write(this.#foundIn, row, hash, key, keyGroup, value)
  }

  remove(): void {
    const row = this.#find()
    const map = this.#foundIn
    if (map !== undefined && this.isVisible(map, row)) this.erase(map, row)
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    this.restoreInto(this.shard(keyGroup), restored.key, keyGroup, restored, restored.value)
  }

  onEmptied(_map: EntryMap): void {}

  #find(): number {
    const current = this.home.current
    if (this.#foundSerial === current.serial) return this.#found
    this.#foundSerial = current.serial
    const map = this.existingShard(current.keyGroup)
    this.#foundIn = map
    this.#found = map === undefined ? -1 : map.find(current.hash, current.key)
    return this.#found
  }
}
