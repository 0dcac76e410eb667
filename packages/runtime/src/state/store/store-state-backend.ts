/**
 * Keyed state larger than memory: entries are in a store on the local disk, behind a cache with a byte budget
 * (`EntryStore`). Tables of every kind are in the file of that kind; which store it is, and how it is read for a snapshot, is
 * left to who extends this. Here they are bound to the contract: the current key, declaration, restore, and the life of snapshots.
 */
import { MillraceError } from '@millrace/api'
import {
  canonicalKey,
  checkStoredTable,
  hashKey,
  type KeyedSnapshot,
  type KeyedStateBackend,
  type KeyGroupRange,
  type ListTable,
  type MapTable,
  mixHash,
  type NamespacedTable,
  type NewerEntries,
  type RestoredSegment,
  type TableDescriptor,
  type TableKind,
  type TableUsage,
  type ValueTable,
} from '@millrace/core'
import { hashEntryKey } from '../heap/entry-map.ts'
import { restoredTables } from '../restored-group.ts'
import { dueTable, nextWalkMs } from '../table-expiry.ts'
import type { EntryStore } from './entry-store.ts'
import { ExpiryWalk } from './expiry-walk.ts'
import { TABLES_MAX } from './record-format.ts'
import { StoreListTable } from './store-list-table.ts'
import { StoreMapTable } from './store-map-table.ts'
import { StoreNamespacedTable } from './store-namespaced-table.ts'
import type { SnapshotPlan, StoreOperator, StoreSnapshot } from './store-snapshot.ts'
import type { CurrentKey, StoreTable, TableHome } from './store-table.ts'
import { StoreValueTable } from './store-value-table.ts'

export interface StoreStateBackendOptions {
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  /** Wall clock, epoch ms, for the time to live. */
  readonly now: () => number
  /** For the bounded steps of encoding. */
  readonly monotonicMs: () => number
  /** Entries encoded between two looks at the clock; default 128. */
  readonly encodeStepEntries?: number
  /** What a snapshot may hold of encoded entries; default `SNAPSHOT_BYTES_MAX`. */
  readonly snapshotBytesMax?: number | undefined
  /** What the cache may hold at the moment. */
  readonly cacheBytes: () => number
  /** So many entries stay in the cache however large they are; default 16. For tests. */
  readonly cachedEntriesMin?: number
  readonly onClose?: () => void
}

type Operator = StoreOperator & { readonly byName: Map<string, StoreTable> }

const ENCODE_STEP_ENTRIES = 128

export abstract class StoreStateBackend<Store extends EntryStore = EntryStore> implements KeyedStateBackend {
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  readonly store: Store
  readonly #operators = new Map<string, Operator>()
  readonly #current: CurrentKey = { key: undefined, keyGroup: -1, mixed: 0, serial: 0 }
  /** The current key in canonical form, once it was asked for, and the serial for which that holds. */
  #shownKey: unknown
  #shownSerial = -1
  readonly #home: TableHome
  readonly #monotonicMs: () => number
  readonly #stepEntries: number
  readonly #snapshotBytesMax: number | undefined
  readonly #beforeSnapshot: (() => void)[] = []
  readonly #otherUsage: (() => TableUsage)[] = []
  readonly #onClose: (() => void) | undefined
  /** Begun, neither complete nor aborted; all but the last are encoded. */
  readonly #snapshots = new Map<number, StoreSnapshot>()
  #open: StoreSnapshot | undefined
  #isClosed = false
  /** That removes what has expired, while it goes on. */
  #walk: ExpiryWalk | undefined

  constructor(options: StoreStateBackendOptions, store: Store) {
    const { keyGroups } = options
    this.keyGroups = keyGroups
    this.maxParallelism = options.maxParallelism
    this.#monotonicMs = options.monotonicMs
    this.#stepEntries = options.encodeStepEntries ?? ENCODE_STEP_ENTRIES
    this.#snapshotBytesMax = options.snapshotBytesMax
    this.#onClose = options.onClose
    this.store = store
    this.#home = {
      store,
      current: this.#current,
      firstGroup: keyGroups.first,
      groupCount: Math.max(0, keyGroups.last - keyGroups.first + 1),
    }
  }

  /** A snapshot of what is in the store, of which a view is open. */
  protected abstract createSnapshot(plan: SnapshotPlan): StoreSnapshot

  get currentKey(): unknown {
    const { key, serial } = this.#current
    if (typeof key !== 'object' || key === null) return canonicalKey(key)
    if (this.#shownSerial !== serial) {
      this.#shownKey = canonicalKey(key)
      this.#shownSerial = serial
    }
    return this.#shownKey
  }

  get currentKeyGroup(): number {
    return this.#current.keyGroup
  }

  setCurrentKey(key: unknown, keyGroup: number, keyHash = hashKey(key)): void {
    if (!(keyGroup >= this.keyGroups.first && keyGroup <= this.keyGroups.last)) this.#refuseGroup(keyGroup)
    const current = this.#current
    current.key = key
    current.keyGroup = keyGroup
    current.mixed = mixHash(key === null ? hashEntryKey(key, keyGroup) : keyHash)
    current.serial++
  }

  expectKeys(keyHashes: readonly number[], from: number, to: number): void {
    for (const { tables } of this.#operators.values()) {
      for (const table of tables) table.expectKeys(keyHashes, from, to)
    }
  }

  valueTable<V>(descriptor: TableDescriptor): ValueTable<V> {
    return this.#declare(descriptor, 'value') as StoreValueTable<V>
  }

  listTable<V>(descriptor: TableDescriptor): ListTable<V> {
    return this.#declare(descriptor, 'list') as StoreListTable<V>
  }

  mapTable<K, V>(descriptor: TableDescriptor): MapTable<K, V> {
    return this.#declare(descriptor, 'map') as StoreMapTable<K, V>
  }

  namespacedTable<V>(descriptor: TableDescriptor): NamespacedTable<V> {
    return this.#declare(descriptor, 'namespaced') as StoreNamespacedTable<V>
  }

  restore(keyGroup: number, operatorUid: string, segments: readonly RestoredSegment[], newer?: NewerEntries): void {
    if (!(keyGroup >= this.keyGroups.first && keyGroup <= this.keyGroups.last)) this.#refuseGroup(keyGroup)
    if (segments.length === 0) return
    const operator = this.#operator(operatorUid)
    const { store } = this
    const { epoch } = store
    // What is restored has not changed since a completed snapshot.
    store.epoch = 0
    for (const restored of restoredTables(keyGroup, operatorUid, segments, newer)) {
      const table = operator.byName.get(restored.descriptor.name) ?? this.#createTable(operator, restored.descriptor)
      checkStoredTable(restored.descriptor, table.descriptor)
      for (const entry of restored.entries()) table.restoreEntry(keyGroup, entry)
    }
    store.flush()
    store.epoch = epoch
    operator.hasBase[keyGroup - this.keyGroups.first] = 1
  }

  beforeSnapshot(write: () => void): void {
    this.#beforeSnapshot.push(write)
  }

  beginSnapshot(id: number, decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta'): KeyedSnapshot {
    // One view at a time. A task waits until the older one is encoded.
    for (const earlier of this.#snapshots.values()) earlier.encodeAll()
    for (const write of this.#beforeSnapshot) write()
    const { store } = this
    store.flush()
    store.openView()
    const snapshot: StoreSnapshot = this.createSnapshot({
      bounds: {
        id,
        epoch: store.epoch,
        completedEpoch: store.completedEpoch,
        firstGroup: this.keyGroups.first,
        stepEntries: this.#stepEntries,
        nowMs: store.now(),
        heldBytesMax: this.#snapshotBytesMax,
      },
      operators: this.#operators.values(),
      decide,
      monotonicMs: this.#monotonicMs,
      onDone: () => this.#closeView(snapshot),
    })
    store.epoch++
    this.#open = snapshot
    this.#snapshots.set(id, snapshot)
    this.#noteKnown()
    return snapshot
  }

  onCheckpointComplete(id: number): void {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return
    if (!snapshot.isDone) throw new MillraceError('INTERNAL', `Checkpoint ${id} is complete but not encoded.`)
    for (const earlier of [...this.#snapshots.keys()]) if (earlier <= id) this.#snapshots.delete(earlier)
    const { epoch } = snapshot.bounds
    if (epoch <= this.store.completedEpoch) return
    this.store.completedEpoch = epoch
    this.#noteKnown()
    snapshot.onComplete()
    for (const { tables } of this.#operators.values()) for (const table of tables) table.onSnapshotComplete(epoch)
  }

  onCheckpointAborted(id: number): void {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return
    this.#snapshots.delete(id)
    this.#noteKnown()
    this.#closeView(snapshot)
  }

  sweepExpired(units: number): boolean {
    let left = units
    while (left > 0) {
      if (this.#walk === undefined) {
        const table = dueTable(this.store.tables as StoreTable[], this.store.now())
        if (table === undefined) return true
        table.onExpiryWalk()
        this.#walk = new ExpiryWalk(table)
      }
      left = this.#walk.step(left)
      if (this.#walk.isDone) this.#walk = undefined
    }
    return false
  }

  sweepDueMs(): number | undefined {
    return this.#walk === undefined ? nextWalkMs(this.store.tables as StoreTable[]) : this.store.now()
  }

  usage(): readonly TableUsage[] {
    const usage: TableUsage[] = []
    for (const { tables } of this.#operators.values()) for (const table of tables) usage.push(table.usage)
    for (const read of this.#otherUsage) usage.push(read())
    return usage
  }

  addUsage(read: () => TableUsage): void {
    this.#otherUsage.push(read)
  }

  close(): void {
    this.#operators.clear()
    this.#snapshots.clear()
    this.#open = undefined
    this.#walk = undefined
    this.store.close()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose?.()
  }

  /** What snapshots that were given up have seen, nobody knows. */
  #noteKnown(): void {
    const { store } = this
    const epochs = [...this.#snapshots.values()].map(({ bounds }) => bounds.epoch)
    store.knownEpoch = Math.max(store.completedEpoch, ...epochs)
  }

  #closeView(snapshot: StoreSnapshot): void {
    if (this.#open !== snapshot) return
    this.#open = undefined
    this.store.closeView()
  }

  #declare(descriptor: TableDescriptor, kind: TableKind): StoreTable {
    if (descriptor.kind !== kind) {
      throw new MillraceError('INTERNAL', `Table ${descriptor.name} is of kind ${descriptor.kind}, not ${kind}.`)
    }
    const operator = this.#operator(descriptor.operatorUid)
    const table = operator.byName.get(descriptor.name)
    if (table !== undefined) checkStoredTable(table.descriptor, descriptor)
    const declared = table ?? this.#createTable(operator, descriptor)
    declared.declare(descriptor)
    return declared
  }

  #operator(uid: string): Operator {
    let operator = this.#operators.get(uid)
    if (operator === undefined) {
      operator = { uid, tables: [], byName: new Map(), hasBase: new Uint8Array(this.#home.groupCount) }
      this.#operators.set(uid, operator)
    }
    return operator
  }

  #createTable(operator: Operator, descriptor: TableDescriptor): StoreTable {
    const number = this.store.tables.length
    if (number === TABLES_MAX) throw new MillraceError('INTERNAL', `A task has more than ${TABLES_MAX} tables.`)
    const table = createTable(descriptor, number, this.#home)
    this.store.tables.push(table)
    operator.tables.push(table)
    operator.byName.set(descriptor.name, table)
    return table
  }

  #refuseGroup(keyGroup: number): never {
    const { first, last } = this.keyGroups
    throw new MillraceError(
      'INTERNAL',
      `Key group ${keyGroup} does not belong here, where there are ${first} to ${last}.`,
    )
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
