/**
 * Keyed state in the memory of the process. State lives in tables (one file per kind), snapshots are taken by `HeapSnapshot`;
 * this file binds them to the contract: the current key, declaration, restore, and the life of snapshots.
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
  type NamespacedTable,
  type NewerEntries,
  type RestoredSegment,
  type TableDescriptor,
  type TableKind,
  type TableUsage,
  type ValueTable,
} from '@millrace/core'
import { restoredTables } from '../restored-group.ts'
import { dueTable, nextWalkMs } from '../table-expiry.ts'
import { ChangeTracker } from './change-tracker.ts'
import { hashEntryKey } from './entry-map.ts'
import { ExpiryWalk } from './expiry-walk.ts'
import { HeapListTable } from './heap-list-table.ts'
import { HeapMapTable } from './heap-map-table.ts'
import { HeapNamespacedTable } from './heap-namespaced-table.ts'
import { type HeapOperator, HeapSnapshot } from './heap-snapshot.ts'
import type { CurrentKey, HeapTable, TableHome } from './heap-table.ts'
import { HeapTimerTable, isTimerTable } from './heap-timer-table.ts'
import { HeapValueTable } from './heap-value-table.ts'

export interface HeapStateBackendOptions {
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
}

const ENCODE_STEP_ENTRIES = 128

export class HeapStateBackend implements KeyedStateBackend {
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  readonly #operators = new Map<string, HeapOperator & { readonly byName: Map<string, HeapTable> }>()
  readonly #tracker = new ChangeTracker()
  readonly #current: CurrentKey = { key: undefined, keyGroup: -1, hash: 0, serial: 0 }
  /** The current key in canonical form, once it was asked for, and the serial for which that holds. */
  #shownKey: unknown
  #shownSerial = -1
  readonly #home: TableHome
  /** Of no meaning, see `EntryMap.touch`. */
  #touched = 0
  readonly #monotonicMs: () => number
  readonly #stepEntries: number
  readonly #snapshotBytesMax: number | undefined
  readonly #beforeSnapshot: (() => void)[] = []
  readonly #otherUsage: (() => TableUsage)[] = []
  /** Begun, neither complete nor aborted; all but the last are encoded. */
  readonly #snapshots = new Map<number, HeapSnapshot>()
  /** That removes what has expired, while it goes on. */
  #walk: ExpiryWalk | undefined

  constructor(options: HeapStateBackendOptions) {
    const { keyGroups } = options
    this.keyGroups = keyGroups
    this.maxParallelism = options.maxParallelism
    this.#monotonicMs = options.monotonicMs
    this.#stepEntries = options.encodeStepEntries ?? ENCODE_STEP_ENTRIES
    this.#snapshotBytesMax = options.snapshotBytesMax
    this.#home = {
      current: this.#current,
      tracker: this.#tracker,
      firstGroup: keyGroups.first,
      groupCount: Math.max(0, keyGroups.last - keyGroups.first + 1),
      now: options.now,
    }
  }

  get currentKey(): unknown {
    const { key, serial } = this.#current
    if (typeof key !== 'object' || key === null) return canonicalKey(key)
    // Made when it is asked for: most functions do not look at such keys, and others more than once.
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
    current.hash = key === null ? hashEntryKey(key, keyGroup) : keyHash
    current.serial++
  }

  expectKeys(keyHashes: readonly number[], from: number, to: number): void {
    for (const { tables } of this.#operators.values()) {
      for (const table of tables) this.#touched ^= table.expectKeys(keyHashes, from, to)
    }
  }

  valueTable<V>(descriptor: TableDescriptor): ValueTable<V> {
    return this.#declare(descriptor, 'value') as HeapValueTable<V>
  }

  listTable<V>(descriptor: TableDescriptor): ListTable<V> {
    return this.#declare(descriptor, 'list') as HeapListTable<V>
  }

  mapTable<K, V>(descriptor: TableDescriptor): MapTable<K, V> {
    return this.#declare(descriptor, 'map') as HeapMapTable<K, V>
  }

  namespacedTable<V>(descriptor: TableDescriptor): NamespacedTable<V> {
    return this.#declare(descriptor, 'namespaced') as HeapNamespacedTable<V> | HeapTimerTable<V>
  }

  restore(keyGroup: number, operatorUid: string, segments: readonly RestoredSegment[], newer?: NewerEntries): void {
    if (!(keyGroup >= this.keyGroups.first && keyGroup <= this.keyGroups.last)) this.#refuseGroup(keyGroup)
    if (segments.length === 0) return
    const operator = this.#operator(operatorUid)
    for (const restored of restoredTables(keyGroup, operatorUid, segments, newer)) {
      const table = operator.byName.get(restored.descriptor.name) ?? this.#createTable(operator, restored.descriptor)
      checkStoredTable(restored.descriptor, table.descriptor)
      for (const entry of restored.entries()) table.restoreEntry(keyGroup, entry)
    }
    operator.hasBase[keyGroup - this.keyGroups.first] = 1
  }

  beforeSnapshot(write: () => void): void {
    this.#beforeSnapshot.push(write)
  }

  beginSnapshot(id: number, decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta'): KeyedSnapshot {
    // Two open views of the same entries would each need their own. A task waits until the older one is encoded.
    for (const earlier of this.#snapshots.values()) earlier.encodeAll()
    for (const write of this.#beforeSnapshot) write()
    const tracker = this.#tracker
    const snapshot: HeapSnapshot = new HeapSnapshot(
      {
        id,
        epoch: tracker.epoch,
        completedEpoch: tracker.completedEpoch,
        firstGroup: this.keyGroups.first,
        stepEntries: this.#stepEntries,
        nowMs: this.#home.now(),
        heldBytesMax: this.#snapshotBytesMax,
      },
      this.#operators.values(),
      decide,
      this.#monotonicMs,
      () => this.#closeView(snapshot),
      () => this.#current.serial++,
    )
    tracker.open = snapshot
    tracker.epoch++
    this.#snapshots.set(id, snapshot)
    return snapshot
  }

  onCheckpointComplete(id: number): void {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return
    if (!snapshot.isDone) throw new MillraceError('INTERNAL', `Checkpoint ${id} is complete but not encoded.`)
    for (const earlier of [...this.#snapshots.keys()]) if (earlier <= id) this.#snapshots.delete(earlier)
    const { epoch } = snapshot.bounds
    if (epoch <= this.#tracker.completedEpoch) return
    this.#tracker.completedEpoch = epoch
    snapshot.onComplete()
    for (const { tables } of this.#operators.values()) for (const table of tables) table.onSnapshotComplete(epoch)
  }

  onCheckpointAborted(id: number): void {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return
    this.#snapshots.delete(id)
    this.#closeView(snapshot)
  }

  sweepExpired(units: number): boolean {
    let left = units
    while (left > 0) {
      this.#walk ??= this.#beginWalk()
      if (this.#walk === undefined) return true
      left = this.#walk.step(left)
      if (this.#walk.isDone) this.#walk = undefined
    }
    return false
  }

  sweepDueMs(): number | undefined {
    return this.#walk === undefined ? nextWalkMs(this.#tables()) : this.#home.now()
  }

  usage(): readonly TableUsage[] {
    const usage: TableUsage[] = []
    for (const table of this.#tables()) usage.push(table.usage)
    for (const read of this.#otherUsage) usage.push(read())
    return usage
  }

  addUsage(read: () => TableUsage): void {
    this.#otherUsage.push(read)
  }

  close(): void {
    this.#operators.clear()
    this.#snapshots.clear()
    this.#tracker.open = undefined
    this.#walk = undefined
  }

  #beginWalk(): ExpiryWalk | undefined {
    const table = dueTable(this.#tables(), this.#home.now())
    table?.onExpiryWalk()
    return table === undefined ? undefined : new ExpiryWalk(table)
  }

  *#tables(): Generator<HeapTable> {
    for (const { tables } of this.#operators.values()) yield* tables
  }

  #closeView(snapshot: HeapSnapshot): void {
    if (this.#tracker.open === snapshot) this.#tracker.open = undefined
  }

  #declare(descriptor: TableDescriptor, kind: TableKind): HeapTable {
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

  #operator(uid: string): HeapOperator & { readonly byName: Map<string, HeapTable> } {
    let operator = this.#operators.get(uid)
    if (operator === undefined) {
      operator = { uid, tables: [], byName: new Map(), hasBase: new Uint8Array(this.#home.groupCount) }
      this.#operators.set(uid, operator)
    }
    return operator
  }

  #createTable(operator: HeapOperator & { byName: Map<string, HeapTable> }, descriptor: TableDescriptor): HeapTable {
    const table = createTable(descriptor, this.#home)
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

function createTable(descriptor: TableDescriptor, home: TableHome): HeapTable {
  switch (descriptor.kind) {
    case 'value':
      return new HeapValueTable(descriptor, home)
    case 'list':
      return new HeapListTable(descriptor, home)
    case 'map':
      return new HeapMapTable(descriptor, home)
    case 'namespaced':
      return isTimerTable(descriptor) ? new HeapTimerTable(descriptor, home) : new HeapNamespacedTable(descriptor, home)
  }
}
