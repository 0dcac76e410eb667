/** Keyed state in a RocksDB database on the local disk: the backend of `state.backend.type: rocksdb`. */
import type { SnapshotPlan, StoreSnapshot } from '../store/store-snapshot.ts'
import { StoreStateBackend, type StoreStateBackendOptions } from '../store/store-state-backend.ts'
import { OrderedEntryStore } from './ordered-entry-store.ts'
import type { OrderedStore } from './ordered-store.ts'
import { RocksdbSnapshot } from './rocksdb-snapshot.ts'

export interface RocksdbStateBackendOptions extends StoreStateBackendOptions {
  /** Other backends may be in it too; whoever has opened it closes it, after them. */
  readonly database: OrderedStore
}

export class RocksdbStateBackend extends StoreStateBackend<OrderedEntryStore> {
  readonly #database: OrderedStore

  constructor(options: RocksdbStateBackendOptions) {
    super(options, new OrderedEntryStore(options))
    this.#database = options.database
  }

  storeMetrics(): Readonly<Record<string, number>> {
    const { hits, misses, cache } = this.store
    return { cacheHits: hits, cacheMisses: misses, cacheBytes: cache.bytes, ...this.#database.metrics() }
  }

  protected override createSnapshot(plan: SnapshotPlan): StoreSnapshot {
    return new RocksdbSnapshot(plan, this.store, this.keyGroups)
  }
}
