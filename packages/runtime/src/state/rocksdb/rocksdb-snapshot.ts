/**
 * One snapshot of an ordered store, read by scans that show it as it was when the snapshot began.
 *
 * Key groups of which there is to be a base are read whole; for the others the changes since the last completed snapshot are gone
 * through, which name what to read. Deletions are said before what is alive: a key that came back has both.
 */
import type { KeyGroupRange } from '@millrace/core'
import { type SnapshotPlan, StoreSnapshot, type TablePlace } from '../store/store-snapshot.ts'
import { type Change, hasPrefix } from './key-layout.ts'
import type { OrderedEntryStore, OrderedView } from './ordered-entry-store.ts'

const ROWS = 128

export class RocksdbSnapshot extends StoreSnapshot {
  readonly #store: OrderedEntryStore
  readonly #view: OrderedView
  readonly #keyGroups: KeyGroupRange

  constructor(plan: SnapshotPlan, store: OrderedEntryStore, keyGroups: KeyGroupRange) {
    super(plan)
    this.#store = store
    this.#view = store.view as OrderedView
    this.#keyGroups = keyGroups
  }

  protected override *encodeEntries(): Generator<void> {
    const hasDeltas = this.parts.some(({ isBase }) => isBase.includes(0))
    if (hasDeltas) yield* this.#encodeChanges((place, group, change) => this.#encodeDeletion(place, group, change))
    for (const place of this.places) {
      if (place?.part.isBase.includes(1)) yield* this.#encodeBases(place)
    }
    if (hasDeltas) yield* this.#encodeChanges((place, group, change) => this.#encodeChange(place, group, change))
  }

  /** Gives the changes of key groups that get a delta to `encode`. */
  *#encodeChanges(encode: (place: TablePlace, group: number, change: Change) => void): Generator<void> {
    const { changes } = this.#view
    const { layout } = this.#store
    changes.seek(layout.changes(this.bounds.completedEpoch + 1, 0).from)
    for (let rows = changes.next(ROWS); rows.length > 0; rows = changes.next(ROWS)) {
      for (let at = 0; at < rows.length; at += 2) {
        if (this.isStepOver()) yield
        const change = layout.parseChange(rows[at] as Uint8Array)
        const place = this.places[change.table]
        const group = change.keyGroup - this.bounds.firstGroup
        if (place !== undefined && place.part.isBase[group] === 0) encode(place, group, change)
      }
    }
  }

  #encodeDeletion(place: TablePlace, group: number, { isDeletion, outerKey, key }: Change): void {
    if (isDeletion) this.deleteEntry(place, group, outerKey, key)
  }

  #encodeChange(place: TablePlace, group: number, change: Change): void {
    if (change.isDeletion) return
    const { entries } = this.#view
    entries.seek(change.entryKey)
    const [key, bucket] = entries.next(1)
    // Gone again: that is a deletion, or was part of a drop, or nobody has ever known of it.
    if (key === undefined || bucket === undefined || !isSame(key, change.entryKey)) return
    this.#putRecords(place, group, change.outerKey, bucket, change.epoch)
  }

  *#encodeBases(place: TablePlace): Generator<void> {
    const { table, part } = place
    const { layout } = this.#store
    const isWhole = table.descriptor.kind === 'namespaced' || !part.isBase.includes(0)
    if (isWhole) {
      yield* this.#encodeRange(place, layout.tablePrefix(table.number))
      return
    }
    for (let keyGroup = this.#keyGroups.first; keyGroup <= this.#keyGroups.last; keyGroup++) {
      if (part.isBase[keyGroup - this.bounds.firstGroup] === 0) continue
      yield* this.#encodeRange(place, layout.groupPrefix(table.number, keyGroup))
    }
  }

  /** Of the keys that begin with `prefix`, those of key groups that get a base. */
  *#encodeRange(place: TablePlace, prefix: Uint8Array): Generator<void> {
    const { entries } = this.#view
    entries.seek(prefix)
    for (let rows = entries.next(ROWS); rows.length > 0; rows = entries.next(ROWS)) {
      for (let at = 0; at < rows.length; at += 2) {
        const key = rows[at] as Uint8Array
        if (!hasPrefix(key, prefix)) return
        if (this.isStepOver()) yield
        const { keyGroup, outerKey } = this.#store.layout.parseEntryKey(key)
        const group = keyGroup - this.bounds.firstGroup
        if (place.part.isBase[group] === 1) this.#putRecords(place, group, outerKey, rows[at + 1] as Uint8Array)
      }
    }
  }

  /** The records of a bucket; those of one epoch, where it is given. */
  #putRecords(place: TablePlace, group: number, outerKey: unknown, bucket: Uint8Array, epoch?: number): void {
    const { buckets } = this.#store
    buckets.forEachRecord(bucket, ({ record, bodyAt }) => {
      if (epoch !== undefined && record.epoch !== epoch) return
      const { writtenAtMs } = record
      const { key, value } = buckets.pairAt(place.table, bucket, bodyAt)
      this.putEntry(place, group, { outerKey, key, value, writtenAtMs })
    })
  }
}

function isSame(key: Uint8Array, other: Uint8Array): boolean {
  return key.length === other.length && hasPrefix(key, other)
}
