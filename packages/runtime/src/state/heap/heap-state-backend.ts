/**
 * Keyed state in the memory of the process. State lives in tables (one file per kind), snapshots are taken by `HeapSnapshot`;
 * this file binds them together.
 */
import { SpareBuffers, type TableDescriptor } from '@millrace/core'
import type { SnapshotPlan } from '../snapshot-plan.ts'
import { type CurrentKey, type StateBackendOptions, TableStateBackend } from '../table-state-backend.ts'
import { ChangeTracker } from './change-tracker.ts'
import { ForgottenTimes } from './forgotten-times.ts'
import { HeapExpiryWalk } from './heap-expiry-walk.ts'
import { HeapListTable } from './heap-list-table.ts'
import { HeapMapTable } from './heap-map-table.ts'
import { HeapNamespacedTable } from './heap-namespaced-table.ts'
import { HeapSnapshot } from './heap-snapshot.ts'
import type { HeapTable, TableHome } from './heap-table.ts'
import { HeapTimerTable, isTimerTable } from './heap-timer-table.ts'
import { HeapValueTable } from './heap-value-table.ts'

export class HeapStateBackend extends TableStateBackend<HeapTable, HeapSnapshot> {
  protected override readonly current: CurrentKey = { key: undefined, keyGroup: -1, hash: 0, serial: 0 }
  protected override readonly epochs = new ChangeTracker()
  readonly #home: TableHome
  readonly #forgotten = new ForgottenTimes()
  /** Of no meaning, see `EntryMap.touch`. */
  #touched = 0

  constructor(options: StateBackendOptions) {
    super(options)
    const { first, last } = options.keyGroups
    this.#home = {
      current: this.current,
      tracker: this.epochs,
      buffers: new SpareBuffers(),
      firstGroup: first,
      groupCount: Math.max(0, last - first + 1),
      forgotten: this.#forgotten,
      now: options.now,
    }
  }

  override expectKeys(keyHashes: readonly number[], from: number, to: number): void {
    for (const { tables } of this.operators.values()) {
      for (const table of tables) this.#touched ^= table.expectKeys(keyHashes, from, to)
    }
  }

  override close(): void {
    super.close()
    this.#forgotten.close()
    this.closeView()
  }

  protected override createTable(descriptor: TableDescriptor): HeapTable {
    const home = this.#home
    switch (descriptor.kind) {
      case 'value':
        return new HeapValueTable(descriptor, home)
      case 'list':
        return new HeapListTable(descriptor, home)
      case 'map':
        return new HeapMapTable(descriptor, home)
      case 'namespaced':
        return isTimerTable(descriptor)
          ? new HeapTimerTable(descriptor, home)
          : new HeapNamespacedTable(descriptor, home)
    }
  }

  protected override createWalk(table: HeapTable): HeapExpiryWalk {
    return new HeapExpiryWalk(table)
  }

  protected override openSnapshot(plan: SnapshotPlan<HeapTable>): HeapSnapshot {
    const snapshot = new HeapSnapshot(plan, () => this.current.serial++)
    this.epochs.open = snapshot
    return snapshot
  }

  protected override closeView(): void {
    this.epochs.open = undefined
  }

  protected override get hasLeftovers(): boolean {
    return !this.#forgotten.isDone
  }

  protected override clearLeftovers(units: number): number {
    return this.#forgotten.step(units)
  }
}
