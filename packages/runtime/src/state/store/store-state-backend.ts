/**
 * Keyed state larger than memory: entries are in a store on the local disk, behind a cache with a byte budget
 * (`EntryStore`). Tables of every kind are in the file of that kind; which store it is, and how it is read for a snapshot, is
 * left to who extends this.
 */
import { MillraceError } from '@millrace/api'
import {
  type MemoryHolder,
  mixHash,
  type NewerEntries,
  type RestoredSegment,
  type TableDescriptor,
} from '@millrace/core'
import { type StateBackendOptions, TableStateBackend } from '../table-state-backend.ts'
import type { EntryStore } from './entry-store.ts'
import { TABLES_MAX } from './record-format.ts'
import { StoreExpiryWalk } from './store-expiry-walk.ts'
import { StoreListTable } from './store-list-table.ts'
import { StoreMapTable } from './store-map-table.ts'
import { StoreNamespacedTable } from './store-namespaced-table.ts'
import type { StorePlan, StoreSnapshot } from './store-snapshot.ts'
import type { StoreKey, StoreTable, TableHome } from './store-table.ts'
import { StoreValueTable } from './store-value-table.ts'

export interface StoreStateBackendOptions extends StateBackendOptions {
  /** What the cache may hold at the moment. */
  readonly cacheBytes: () => number
  /** So many entries stay in the cache however large they are; default 16. For tests. */
  readonly cachedEntriesMin?: number
  /** See `KeyedStateBackend`; without it operators may hold as much again as the cache. */
  readonly shareMemory?: (holder: MemoryHolder) => () => number
  readonly onClose?: () => void
}

export abstract class StoreStateBackend<Store extends EntryStore = EntryStore> extends TableStateBackend<
  StoreTable,
  StoreSnapshot
> {
  readonly store: Store
  protected override readonly current: StoreKey = { key: undefined, keyGroup: -1, hash: 0, mixed: 0, serial: 0 }
  protected override readonly epochs: Store
  readonly #home: TableHome
  readonly #shareMemory: (holder: MemoryHolder) => () => number
  readonly #onClose: (() => void) | undefined
  #isClosed = false

  constructor(options: StoreStateBackendOptions, store: Store) {
    super(options)
    const { first, last } = options.keyGroups
    this.#shareMemory = options.shareMemory ?? (() => options.cacheBytes)
    this.#onClose = options.onClose
    this.store = store
    this.epochs = store
    this.#home = {
      store,
      current: this.current,
      firstGroup: first,
      groupCount: Math.max(0, last - first + 1),
    }
  }

  /** A snapshot of what is in the store, of which a view is open. */
  protected abstract createSnapshot(plan: StorePlan): StoreSnapshot

  override setCurrentKey(key: unknown, keyGroup: number, keyHash?: number): void {
    super.setCurrentKey(key, keyGroup, keyHash)
    this.current.mixed = mixHash(this.current.hash)
  }

  override expectKeys(keyHashes: readonly number[], from: number, to: number): void {
    for (const { tables } of this.operators.values()) {
      for (const table of tables) table.expectKeys(keyHashes, from, to)
    }
  }

  shareMemory(holder: MemoryHolder): () => number {
    return this.#shareMemory(holder)
  }

  override restore(
    keyGroup: number,
    operatorUid: string,
    segments: readonly RestoredSegment[],
    newer?: NewerEntries,
  ): void {
    const { store } = this
    const { epoch } = store
    // What is restored has not changed since a completed snapshot.
    store.epoch = 0
    super.restore(keyGroup, operatorUid, segments, newer)
    store.flush()
    store.epoch = epoch
  }

  override close(): void {
    super.close()
    this.store.close()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose?.()
  }

  protected override createTable(descriptor: TableDescriptor): StoreTable {
    const { tables } = this.store
    if (tables.length === TABLES_MAX) {
      throw new MillraceError('INTERNAL', `A task has more than ${TABLES_MAX} tables.`)
    }
    const table = createTable(descriptor, tables.length, this.#home)
    tables.push(table)
    return table
  }

  protected override createWalk(table: StoreTable): StoreExpiryWalk {
    return new StoreExpiryWalk(table)
  }

  protected override openSnapshot(plan: StorePlan): StoreSnapshot {
    const { store } = this
    store.flush()
    store.openView()
    return this.createSnapshot(plan)
  }

  protected override closeView(): void {
    this.store.closeView()
  }

  protected override get hasLeftovers(): boolean {
    return this.store.hasLeftovers
  }

  protected override clearLeftovers(units: number): number {
    return this.store.clearLeftovers(units)
  }
}

function createTable(descriptor: TableDescriptor, number: number, home: TableHome): StoreTable {
  switch (descriptor.kind) {
    case 'value':
      return new StoreValueTable(descriptor, number, home)
    case 'list':
      return new StoreListTable(descriptor, number, home)
    case 'map':
      return new StoreMapTable(descriptor, number, home)
    case 'namespaced':
      return new StoreNamespacedTable(descriptor, number, home)
  }
}
