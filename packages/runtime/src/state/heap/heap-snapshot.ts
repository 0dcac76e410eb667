/**
 * One snapshot of the heap: the entries as they were when it began, while they go on changing.
 *
 * Entries of a delta may stand in any order, because each is written once. Invariant (with `ChangeTracker`): an entry is encoded by
 * the walk or, before it changes, by `capture`, never twice.
 */
import { NumbersAt } from '@millrace/core'
import type { SnapshotPlan } from '../snapshot-plan.ts'
import { describeFailure, type TablePlace, TableSnapshot } from '../table-snapshot.ts'
import type { OpenSnapshot } from './change-tracker.ts'
import { atOf, EntryMap, type EntryMapOwner } from './entry-map.ts'
import { type EntryRows, ROWS_MAX } from './entry-rows.ts'
import type { HeapTable } from './heap-table.ts'

export class HeapSnapshot extends TableSnapshot<HeapTable> implements OpenSnapshot {
  readonly #placeOf: ReadonlyMap<EntryMapOwner, TablePlace<HeapTable>>
  readonly #onPurged: () => void
  readonly #orphans: EntryMap[] = []
  /** Entries of one table mostly follow each other. */
  #last: TablePlace<HeapTable> | undefined
  /** Of no meaning, see `EntryMap.touch`. */
  #touched = 0

  constructor(
    plan: SnapshotPlan<HeapTable>,
    /** Entries have been taken out that tables may remember. */
    onPurged: () => void,
  ) {
    super(plan)
    this.#placeOf = new Map(this.places.map((place) => [place.table, place]))
    this.#onPurged = onPurged
  }

  get completedEpoch(): number {
    return this.bounds.completedEpoch
  }

  override get isOverdrawn(): boolean {
    return this.pieces.isOverdrawn
  }

  capture(map: EntryMap, row: number): void {
    const { epoch } = this.bounds
    const part = map.partOf(row)
    const at = atOf(row)
    // What is newer than the snapshot was created after it began, or captured before it was changed.
    if (part.changed(at) > epoch || part.encoded(at) === epoch) return
    part.setEncoded(at, epoch)
    this.#write(map, row)
  }

  keep(map: EntryMap): void {
    if (map.createdEpoch <= this.bounds.epoch) this.#orphans.push(map)
  }

  protected override *encodeEntries(): Generator<void> {
    for (const { part, table } of this.places) {
      yield* this.#encodeMap(part.isBase, table.map, table.isNested, part.isBase.includes(1))
    }
    for (let map = this.#orphans.pop(); map !== undefined; map = this.#orphans.pop()) {
      const place = this.#placeOf.get(map.table)
      if (place !== undefined) yield* this.#encodeMap(place.part.isBase, map, false, true)
    }
  }

  /**
   * All key groups that are in the map go by in one walk, each entry to the segment of its group. `hasBase`: a base of one
   * of them is written; else only what may have changed is looked at.
   */
  *#encodeMap(isBase: Uint8Array, map: EntryMap, isNested: boolean, hasBase: boolean): Generator<void> {
    const { epoch, completedEpoch, firstGroup } = this.bounds
    for (let number = 0; number < map.parts.length; number++) {
      const rows = map.parts[number]
      if (rows === undefined || (!hasBase && rows.changedEpoch <= completedEpoch && rows.deleted === 0)) continue
      const changed = hasBase ? undefined : this.#changedRows(rows)
      // Rows that come meanwhile do not belong to the snapshot.
      const count = changed?.length ?? rows.size
      for (let i = 0; i < count; i++) {
        if (this.isStepOver()) yield
        const at = changed === undefined ? i : (changed[i] as number)
        if (rows.isFree(at)) {
          if (changed !== undefined) rows.forgetChange(at)
          continue
        }
        const isNew = rows.changed(at) > completedEpoch
        const group = rows.keyGroup(at) - firstGroup
        if (isNested) {
          const inner = rows.value(at)
          if (!(inner instanceof EntryMap) || rows.created(at) > epoch) continue
          // The entries of a namespace are of all key groups, so it has none.
          const innerHasBase = hasBase && isBase[group] !== 0
          if (innerHasBase || isNew || inner.deleted > 0) yield* this.#encodeMap(isBase, inner, false, innerHasBase)
          if (!isNew && changed !== undefined && inner.deleted === 0 && rows.changed(at) <= completedEpoch) {
            rows.forgetChange(at)
          }
        } else if (!rows.isLive(at) && (!isNew || this.#isUnknown(rows, at))) {
          if (map.detached) continue
          map.table.purge(map, number * ROWS_MAX + at)
          this.#onPurged()
        } else if (isNew || isBase[group] === 1) {
          this.capture(map, number * ROWS_MAX + at)
        } else if (changed !== undefined) {
          rows.forgetChange(at)
        }
      }
    }
  }

  /** Whether only snapshots that were given up have known the deleted entry of a row: nothing is to be said of it. */
  #isUnknown(rows: EntryRows, at: number): boolean {
    return rows.created(at) > this.bounds.knownEpoch && rows.changed(at) <= this.bounds.epoch
  }

  /** See `EntryRows.changedAfter`. They lie apart, so they are fetched together: the processor waits for many of them at once. */
  #changedRows(rows: EntryRows): readonly number[] | undefined {
    const changed = rows.changedAfter(this.bounds.completedEpoch)
    if (changed === undefined) return undefined
    let read = 0
    for (const at of changed) read ^= rows.touch(at)
    this.#touched ^= read
    return changed
  }

  #write(map: EntryMap, row: number): void {
    const { table } = map
    if (this.#last?.table !== table) this.#last = this.#placeOf.get(table)
    const place = this.#last
    // It was declared after the snapshot began.
    if (place === undefined) return
    const entries = map.partOf(row)
    const at = atOf(row)
    const isDeleted = !entries.isLive(at)
    const group = entries.keyGroup(at) - this.bounds.firstGroup
    const isBase = place.part.isBase[group] === 1
    if (isBase ? isDeleted : entries.changed(at) <= this.bounds.completedEpoch) return
    const { key, sub } = table.addressOf(map, row)
    if (isDeleted) {
      this.delete(place, group, key, sub)
      return
    }
    const writtenAtMs = table.descriptor.ttlMs === undefined ? undefined : entries.writtenAtMs(at)
    try {
      this.put(place, group, key, sub, entries.valueInPlace(at), writtenAtMs)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, key instanceof NumbersAt ? entries.key(at) : key)
    }
  }
}
