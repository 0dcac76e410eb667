/** Keyed state in append-only files on the local disk, indexed in memory: the backend of `state.backend.type: segments`. */
import type { LocalStoreUsage } from '@millrace/core'
import type { StorePlan, StoreSnapshot } from '../store/store-snapshot.ts'
import { StoreStateBackend, type StoreStateBackendOptions } from '../store/store-state-backend.ts'
import { LogEntryStore } from './log-entry-store.ts'
import { SegmentsSnapshot } from './segments-snapshot.ts'
import type { StoreFolder } from './store-file.ts'

export interface SegmentsStateBackendOptions extends StoreStateBackendOptions {
  /** Where the local store makes its files. */
  readonly folder: StoreFolder
  /** Size after which another file is begun; default 64 MiB. For tests. */
  readonly fileBytes?: number
}

export class SegmentsStateBackend extends StoreStateBackend<LogEntryStore> {
  constructor(options: SegmentsStateBackendOptions) {
    super(options, new LogEntryStore(options))
  }

  localStore(): LocalStoreUsage {
    const { cache, log, hits, misses, cleanedBytes } = this.store
    return {
      cacheHits: hits,
      cacheMisses: misses,
      cacheBytes: cache.bytes,
      diskBytes: log.sizeBytes,
      deadShare: log.deadShare,
      cleanedBytes,
    }
  }

  protected override createSnapshot(plan: StorePlan): StoreSnapshot {
    return new SegmentsSnapshot(plan, this.store)
  }
}
