/**
 * What all backends of keyed state do alike: the current key, the tables of each operator by name, restore, removing what has
 * expired, and the life of snapshots. Where entries are, and how a snapshot reads them, is left to who extends this.
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
import { hashEntryKey } from './entry-hash.ts'
import { type RestoredEntry, restoredTables } from './restored-group.ts'
import type { OperatorTables, SnapshotBounds, SnapshotPlan } from './snapshot-plan.ts'
import type { TableDrops } from './table-drops.ts'
import { dueTable, nextWalkMs } from './table-expiry.ts'

export interface StateBackendOptions {
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

/** The key that tables work on. */
export interface CurrentKey {
  key: unknown
  keyGroup: number
  /** `hashEntryKey` of key and group. */
  hash: number
  /** Changes whenever what a table remembers about the current key may be stale. */
  serial: number
}

/** A table, as far as its backend needs it whatever its kind. */
export interface BackendTable {
  readonly descriptor: TableDescriptor
  readonly usage: TableUsage
  readonly drops: TableDrops
  /** When a walk that removes what has expired is worth it; `undefined` for never. */
  readonly walkDueMs: number | undefined
  /** The job has the table, in this form. */
  declare(descriptor: TableDescriptor): void
  restoreEntry(keyGroup: number, entry: RestoredEntry): void
  onExpiryWalk(): void
}

/** A walk over a table that removes what has expired, and can stop after every entry. */
export interface ExpiryWalk {
  readonly isDone: boolean
  /** Goes on for about so many units; returns what is left of them, at most 0 when the walk is not done. */
  step(units: number): number
}

export interface BackendSnapshot extends KeyedSnapshot {
  readonly bounds: SnapshotBounds
  readonly isDone: boolean
  /** At once, whatever is then held. */
  encodeAll(): void
  /** It is complete: notes for which key groups there is a base to build on now. */
  onComplete(): void
}

/** Time is cut into epochs, one for each snapshot begun. */
export interface Epochs {
  /** The current one. Restored entries are of epoch 0. */
  epoch: number
  /** Changes up to and including this one are in a completed snapshot. */
  completedEpoch: number
  /** Some snapshot that is complete, or may become so, knows what there was in this one and before; none what came later. */
  knownEpoch: number
}

const ENCODE_STEP_ENTRIES = 128

export abstract class TableStateBackend<Table extends BackendTable, Snapshot extends BackendSnapshot>
  implements KeyedStateBackend
{
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  protected readonly operators = new Map<string, OperatorTables<Table>>()
  protected abstract readonly current: CurrentKey
  protected abstract readonly epochs: Epochs
  readonly #options: StateBackendOptions
  /** The current key in canonical form, once it was asked for, and the serial for which that holds. */
  #shownKey: unknown
  #shownSerial = -1
  readonly #beforeSnapshot: (() => void)[] = []
  readonly #otherUsage: (() => TableUsage)[] = []
  /** Begun, neither complete nor aborted; all but the last are encoded. */
  readonly #snapshots = new Map<number, Snapshot>()
  /** That is being encoded. */
  #open: Snapshot | undefined
  /** That removes what has expired, while it goes on. */
  #walk: ExpiryWalk | undefined

  constructor(options: StateBackendOptions) {
    this.#options = options
    this.keyGroups = options.keyGroups
    this.maxParallelism = options.maxParallelism
  }

  abstract expectKeys(keyHashes: readonly number[], from: number, to: number): void
  protected abstract createTable(descriptor: TableDescriptor): Table
  protected abstract createWalk(table: Table): ExpiryWalk
  /** Fixes what there is now, for a snapshot of it. */
  protected abstract openSnapshot(plan: SnapshotPlan<Table>): Snapshot
  /** No snapshot needs what was fixed any more. */
  protected abstract closeView(): void
  /** What was removed as a whole has left something to do that nobody sees. */
  protected get hasLeftovers(): boolean {
    return false
  }
  /** Goes on with that for about so many units; returns what is left of them, at most 0 where there may be more to do. */
  protected clearLeftovers(units: number): number {
    return units
  }

  get currentKey(): unknown {
    const { key, serial } = this.current
    if (typeof key !== 'object' || key === null) return canonicalKey(key)
    // Made when it is asked for: most functions do not look at such keys, and others more than once.
    if (this.#shownSerial !== serial) {
      this.#shownKey = canonicalKey(key)
      this.#shownSerial = serial
    }
    return this.#shownKey
  }

  get currentKeyGroup(): number {
    return this.current.keyGroup
  }

  setCurrentKey(key: unknown, keyGroup: number, keyHash = hashKey(key)): void {
    if (!this.#has(keyGroup)) this.#refuseGroup(keyGroup)
    const { current } = this
    current.key = key
    current.keyGroup = keyGroup
    current.hash = key === null ? hashEntryKey(key, keyGroup) : keyHash
    current.serial++
  }

  valueTable<V>(descriptor: TableDescriptor): ValueTable<V> {
    return this.#declare(descriptor, 'value')
  }

  listTable<V>(descriptor: TableDescriptor): ListTable<V> {
    return this.#declare(descriptor, 'list')
  }

  mapTable<K, V>(descriptor: TableDescriptor): MapTable<K, V> {
    return this.#declare(descriptor, 'map')
  }

  namespacedTable<V>(descriptor: TableDescriptor): NamespacedTable<V> {
    return this.#declare(descriptor, 'namespaced')
  }

  restore(keyGroup: number, operatorUid: string, segments: readonly RestoredSegment[], newer?: NewerEntries): void {
    if (!this.#has(keyGroup)) this.#refuseGroup(keyGroup)
    if (segments.length === 0) return
    const operator = this.#operator(operatorUid)
    for (const restored of restoredTables(keyGroup, operatorUid, segments, newer)) {
      const table = operator.byName.get(restored.descriptor.name) ?? this.#addTable(operator, restored.descriptor)
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
    const { epochs } = this
    const { now, monotonicMs, encodeStepEntries = ENCODE_STEP_ENTRIES, snapshotBytesMax } = this.#options
    const snapshot: Snapshot = this.openSnapshot({
      bounds: {
        id,
        epoch: epochs.epoch,
        completedEpoch: epochs.completedEpoch,
        knownEpoch: epochs.knownEpoch,
        firstGroup: this.keyGroups.first,
        stepEntries: encodeStepEntries,
        nowMs: now(),
        heldBytesMax: snapshotBytesMax,
      },
      operators: this.operators.values(),
      decide,
      monotonicMs,
      onDone: () => this.#closeView(snapshot),
    })
    epochs.epoch++
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
    if (epoch <= this.epochs.completedEpoch) return
    this.epochs.completedEpoch = epoch
    this.#noteKnown()
    snapshot.onComplete()
    this.#forgetDrops()
  }

  onCheckpointAborted(id: number): void {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return
    this.#snapshots.delete(id)
    this.#noteKnown()
    this.#closeView(snapshot)
    this.#forgetDrops()
  }

  sweepExpired(units: number): boolean {
    let left = this.clearLeftovers(units)
    while (left > 0) {
      this.#walk ??= this.#beginWalk()
      if (this.#walk === undefined) return true
      left = this.#walk.step(left)
      if (this.#walk.isDone) this.#walk = undefined
    }
    return false
  }

  sweepDueMs(): number | undefined {
    const isUnderWay = this.#walk !== undefined || this.hasLeftovers
    return isUnderWay ? this.#options.now() : nextWalkMs(this.#tables())
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
    this.operators.clear()
    this.#snapshots.clear()
    this.#open = undefined
    this.#walk = undefined
  }

  #beginWalk(): ExpiryWalk | undefined {
    const table = dueTable(this.#tables(), this.#options.now())
    table?.onExpiryWalk()
    return table === undefined ? undefined : this.createWalk(table)
  }

  *#tables(): Generator<Table> {
    for (const { tables } of this.operators.values()) yield* tables
  }

  /** What snapshots that were given up have seen, nobody knows. */
  #noteKnown(): void {
    const epochs = [...this.#snapshots.values()].map(({ bounds }) => bounds.epoch)
    this.epochs.knownEpoch = Math.max(this.epochs.completedEpoch, ...epochs)
  }

  #forgetDrops(): void {
    for (const { drops } of this.#tables()) drops.forget(this.epochs)
  }

  #closeView(snapshot: Snapshot): void {
    if (this.#open !== snapshot) return
    this.#open = undefined
    this.closeView()
  }

  /** `Contract`: that of the kind, which whoever creates tables keeps. */
  #declare<Contract>(descriptor: TableDescriptor, kind: TableKind): Contract {
    if (descriptor.kind !== kind) {
      throw new MillraceError('INTERNAL', `Table ${descriptor.name} is of kind ${descriptor.kind}, not ${kind}.`)
    }
    const operator = this.#operator(descriptor.operatorUid)
    const table = operator.byName.get(descriptor.name)
    if (table !== undefined) checkStoredTable(table.descriptor, descriptor)
    const declared = table ?? this.#addTable(operator, descriptor)
    declared.declare(descriptor)
    return declared as unknown as Contract
  }

  #operator(uid: string): OperatorTables<Table> {
    let operator = this.operators.get(uid)
    if (operator === undefined) {
      const { first, last } = this.keyGroups
      operator = { uid, tables: [], byName: new Map(), hasBase: new Uint8Array(Math.max(0, last - first + 1)) }
      this.operators.set(uid, operator)
    }
    return operator
  }

  #addTable(operator: OperatorTables<Table>, descriptor: TableDescriptor): Table {
    const table = this.createTable(descriptor)
    operator.tables.push(table)
    operator.byName.set(descriptor.name, table)
    return table
  }

  #has(keyGroup: number): boolean {
    return keyGroup >= this.keyGroups.first && keyGroup <= this.keyGroups.last
  }

  #refuseGroup(keyGroup: number): never {
    const { first, last } = this.keyGroups
    throw new MillraceError(
      'INTERNAL',
      `Key group ${keyGroup} does not belong here, where there are ${first} to ${last}.`,
    )
  }
}
