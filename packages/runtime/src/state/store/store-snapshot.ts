/**
 * One snapshot of a store: what was alive when it began, encoded while the store goes on. The view of the store fixes that; how it
 * is read is left to who extends this. A tombstone of a key that came back has to stand before it.
 */
import type { SnapshotPlan } from '../snapshot-plan.ts'
import { describeFailure, type TablePlace, TableSnapshot } from '../table-snapshot.ts'
import type { StoreTable } from './store-table.ts'

export type StorePlan = SnapshotPlan<StoreTable>
export type StorePlace = TablePlace<StoreTable>

/** An entry as it was when the snapshot began. `key` is that within its map. */
export interface ViewedEntry {
  readonly outerKey: unknown
  readonly key: unknown
  readonly value: unknown
  readonly writtenAtMs: number | undefined
}

export abstract class StoreSnapshot extends TableSnapshot<StoreTable> {
  readonly #byNumber: StorePlace[] = []

  constructor(plan: StorePlan) {
    super(plan)
    for (const place of this.places) this.#byNumber[place.table.number] = place
  }

  /** Nothing is copied because it changes: the store keeps it. */
  override get isOverdrawn(): boolean {
    return false
  }

  /** By number of the table; undefined for one that came later. */
  protected placeOf(number: number): StorePlace | undefined {
    return this.#byNumber[number]
  }

  protected putEntry(place: StorePlace, group: number, { outerKey, key, value, writtenAtMs }: ViewedEntry): void {
    const { descriptor } = place.table
    const isMap = descriptor.kind === 'map'
    try {
      this.put(place, group, isMap ? outerKey : key, isMap ? key : outerKey, value, writtenAtMs)
    } catch (cause) {
      throw describeFailure(cause, descriptor, key)
    }
  }

  protected deleteEntry(place: StorePlace, group: number, outerKey: unknown, key: unknown): void {
    const isMap = place.table.descriptor.kind === 'map'
    this.delete(place, group, isMap ? outerKey : key, isMap ? key : outerKey)
  }
}
