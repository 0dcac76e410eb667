/** A table whose entries are split by key group: value, list and map tables. */
import type { TableDescriptor } from '@millrace/core'
import { EntryMap } from './entry-map.ts'
import { HeapTable, type TableHome } from './heap-table.ts'

export abstract class ShardedTable extends HeapTable {
  readonly #shards: (EntryMap | undefined)[]

  constructor(descriptor: TableDescriptor, home: TableHome) {
    super(descriptor, home)
    this.#shards = new Array<EntryMap | undefined>(home.groupCount).fill(undefined)
  }

  *maps(): Generator<{ map: EntryMap; keyGroup: number }> {
    for (let index = 0; index < this.#shards.length; index++) {
      const map = this.#shards[index]
      if (map !== undefined) yield { map, keyGroup: this.home.firstGroup + index }
    }
  }

  protected existingShard(keyGroup: number): EntryMap | undefined {
    return this.#shards[keyGroup - this.home.firstGroup]
  }

  protected shard(keyGroup: number): EntryMap {
    const index = keyGroup - this.home.firstGroup
    let shard = this.#shards[index]
    if (shard === undefined) {
      shard = new EntryMap(this, undefined, this.home.tracker.epoch)
      this.#shards[index] = shard
    }
    return shard
  }
}
