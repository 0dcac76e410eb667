/** Keyed state in a RocksDB database on the local disk: the backend of `state.backend.type: rocksdb`. */
import type { LocalStoreUsage } from '@millrace/core'
import type { StorePlan, StoreSnapshot } from '../store/store-snapshot.ts'
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

  /** Of the disk what the database of the slot takes, which its backends share. */
  localStore(): LocalStoreUsage {
    const { hits, misses, cache } = this.store
    const metrics = this.#database.metrics()
    const diskBytes = metrics['rocksdb.total-sst-files-size'] ?? 0
    const liveBytes = metrics['rocksdb.estimate-live-data-size'] ?? 0
    return {
      cacheHits: hits,
      cacheMisses: misses,
      cacheBytes: cache.bytes,
      diskBytes,
      deadShare: diskBytes === 0 ? 0 : Math.max(0, 1 - liveBytes / diskBytes),
      // By RocksDB, on threads of its own.
      cleanedBytes: 0,
    }
  }

  storeMetrics(): Readonly<Record<string, number>> {
    return this.#database.metrics()
  }

  protected override createSnapshot(plan: StorePlan): StoreSnapshot {
    return new RocksdbSnapshot(plan, this.store, this.keyGroups)
  }
}
