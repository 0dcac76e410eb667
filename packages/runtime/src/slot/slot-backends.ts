/** Makes the state backends of a slot as the configuration says, and deals out what they share: the cache of the slot, the database. */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pid } from 'node:process'
import type { KeyedStateBackend, KeyGroupRange } from '@millrace/core'
import type { Clock } from '../clock/clock.ts'
import { HeapStateBackend } from '../state/heap/heap-state-backend.ts'
import { loadRocksdbBinding } from '../state/rocksdb/rocksdb-binding.ts'
import { RocksdbDatabase } from '../state/rocksdb/rocksdb-database.ts'
import { RocksdbStateBackend } from '../state/rocksdb/rocksdb-state-backend.ts'
import { SegmentsStateBackend } from '../state/segments/segments-state-backend.ts'
import { NodeStoreFolder } from '../state/segments/store-file.ts'
import { CacheShares, type SharingCache } from '../state/store/cache-shares.ts'
import type { StoreStateBackend, StoreStateBackendOptions } from '../state/store/store-state-backend.ts'

/** `state.backend.type` and what belongs to it. */
export interface SlotStateSettings {
  readonly type: 'hashmap' | 'segments' | 'rocksdb'
  /** For the caches of all backends of a slot together, on its heap. */
  readonly cacheBytes: number
  /** What the snapshot of a subtask may hold of encoded entries. */
  readonly snapshotBytesMax: number
  /** Folders for the files of local stores; slots take them in turn. */
  readonly folders: readonly string[]
  /** With `rocksdb`. */
  readonly rocksdb?: RocksdbSettings
}

/** Of the database of a slot. */
export interface RocksdbSettings {
  readonly writeBufferBytes: number
  readonly blockCacheBytes: number
  readonly compaction: 'level' | 'universal'
  readonly threads: number
  readonly blockBytes: number
}

export class SlotBackends {
  readonly #settings: SlotStateSettings
  readonly #clock: Clock
  readonly #folder: NodeStoreFolder
  readonly #databasePath: string
  readonly #caches: CacheShares
  #database: Promise<RocksdbDatabase> | undefined

  constructor(settings: SlotStateSettings, slot: number, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#caches = new CacheShares(settings.cacheBytes)
    const path = settings.folders[slot % settings.folders.length] as string
    this.#folder = new NodeStoreFolder(path, `millrace-state-${pid}-${slot}-${randomBytes(6).toString('hex')}`)
    this.#databasePath = join(path, `slot-${slot}`)
  }

  /** Throws `STATE_BACKEND_UNAVAILABLE`, `DISK_FAILED`. */
  create(keyGroups: KeyGroupRange, maxParallelism: number): KeyedStateBackend | Promise<KeyedStateBackend> {
    const clock = this.#clock
    const { type, rocksdb, snapshotBytesMax } = this.#settings
    const common = {
      keyGroups,
      maxParallelism,
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      snapshotBytesMax,
    }
    if (type === 'hashmap') return new HeapStateBackend(common)
    if (rocksdb === undefined) {
      return this.#sharing((cache) => new SegmentsStateBackend({ ...common, ...cache, folder: this.#folder }))
    }
    this.#database ??= this.#openDatabase(rocksdb)
    return this.#database.then((database) =>
      this.#sharing((cache) => new RocksdbStateBackend({ ...common, ...cache, database })),
    )
  }

  /** A backend whose cache, and what operators hold beside it, have their parts of the slot's memory as long as it is open. */
  #sharing<Backend extends StoreStateBackend>(
    create: (memory: Pick<StoreStateBackendOptions, 'cacheBytes' | 'shareMemory' | 'onClose'>) => Backend,
  ): Backend {
    const sharing = new Set<SharingCache>()
    const join = (cache: SharingCache): void => {
      sharing.add(cache)
      this.#caches.join(cache)
    }
    const backend: Backend = create({
      cacheBytes: () => this.#caches.limitFor(backend.store),
      shareMemory: (holder) => {
        join(holder)
        return () => this.#caches.limitFor(holder)
      },
      onClose: () => {
        for (const cache of sharing) this.#caches.leave(cache)
      },
    })
    join(backend.store)
    return backend
  }

  /** It is closed with the thread; who has made the folder removes it afterwards. */
  async #openDatabase(settings: RocksdbSettings): Promise<RocksdbDatabase> {
    // Of an earlier attempt, of which nothing runs any more.
    rmSync(this.#databasePath, { recursive: true, force: true })
    return RocksdbDatabase.open({ ...settings, binding: loadRocksdbBinding(), path: this.#databasePath })
  }
}
