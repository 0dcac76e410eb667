/**
 * What all heap tables share: writing, deleting and expiring entries under the rules of the change tracker. How a kind
 * of table arranges its entries is in the file of that kind.
 */
import { canonicalKey, type MapKey, type TableDescriptor, toMapKey } from '@millrace/core'
import { estimateBytes } from './bytes-estimate.ts'
import type { ChangeTracker } from './change-tracker.ts'
import { DELETED, type Entry, type EntryMap } from './entry-map.ts'

/** The key that tables work on. */
export interface CurrentKey {
  key: unknown
  keyGroup: number
  mapKey: MapKey
  /** Changes whenever what a table remembers about the current key may be stale. */
  serial: number
}

/** What a table has of its backend. */
export interface TableHome {
  readonly current: CurrentKey
  readonly tracker: ChangeTracker
  /** First key group of the backend and how many it has. */
  readonly firstGroup: number
  readonly groupCount: number
  /** Wall clock, epoch ms, for the time to live. */
  now(): number
}

/** Everything under an outer key (a map of a key, a namespace) was removed at once. */
export interface Drop {
  readonly outerKey: unknown
  readonly keyGroups: readonly number[]
  readonly epoch: number
}

/** One restored entry; `sub` as in `SegmentVisitor`. */
export interface RestoredEntry {
  readonly key: unknown
  readonly sub: unknown
  readonly value: unknown
  readonly writtenAtMs: number | undefined
}

const SAMPLE_MASK = 0xff

export abstract class HeapTable {
  /** As declared, or as stored while it is not declared. */
  descriptor: TableDescriptor
  readonly home: TableHome
  /** Live entries; those of inner maps, not the maps. */
  entryCount = 0
  /** Not yet part of a completed snapshot, in order. */
  drops: Drop[] = []
  #writes = 0
  #bytesPerEntry = 0

  constructor(descriptor: TableDescriptor, home: TableHome) {
    this.descriptor = descriptor
    this.home = home
  }

  /** Whether the entries of `maps` hold inner maps. */
  abstract readonly isNested: boolean
  /** The outermost maps, by key group where they are split so, with the group; else with `undefined`. */
  abstract maps(): Iterable<{ readonly map: EntryMap; readonly keyGroup: number | undefined }>
  abstract restoreEntry(keyGroup: number, entry: RestoredEntry): void
  /** The last entry of an inner map is gone, deleted ones too. */
  abstract onEmptied(map: EntryMap): void
  /** The value as it is stored. */
  storedValue(entry: Entry): unknown {
    return entry.value
  }

  get bytesEstimate(): number {
    return Math.round(this.entryCount * this.#bytesPerEntry)
  }

  /** Takes a deletion that is part of a completed snapshot out of memory. */
  purge(entry: Entry): void {
    const map = entry.leaf.owner
    map.erase(toMapKey(entry.key), entry)
    if (map.parent !== undefined && map.live === 0 && map.deleted === 0 && !map.detached) this.onEmptied(map)
  }

  onSnapshotComplete(completedEpoch: number): void {
    if (this.drops.length > 0) this.drops = this.drops.filter((drop) => drop.epoch > completedEpoch)
  }

  /** Whether there is a value to be read; removes one that has expired. */
  protected isVisible(mapKey: MapKey, entry: Entry | undefined): entry is Entry {
    if (entry === undefined || entry.value === DELETED) return false
    const ttlMs = this.descriptor.ttlMs
    if (ttlMs === undefined || !(this.home.now() - entry.writtenAtMs >= ttlMs)) return true
    this.erase(mapKey, entry)
    return false
  }

  /** Writes an entry, which `entry` is if there is one, and returns it. */
  protected write(
    map: EntryMap,
    mapKey: MapKey,
    entry: Entry | undefined,
    key: unknown,
    group: number,
    value: unknown,
  ): Entry {
    const tracker = this.home.tracker
    let written = entry
    if (written === undefined) {
      // Apart from the record that it came from, and in the form that it has after a restore.
      written = map.insert(mapKey, canonicalKey(key), group, value, tracker.epoch)
      tracker.onChangeWithin(map)
      this.entryCount++
    } else {
      tracker.beforeChange(written)
      if (written.value === DELETED) {
        map.revive(written, value)
        this.entryCount++
      } else {
        written.value = value
      }
    }
    if (this.descriptor.ttlMs !== undefined) written.writtenAtMs = this.home.now()
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(key, value)
    return written
  }

  /** Deletes a live entry: without trace when no snapshot can know it, else as a tombstone. */
  protected erase(mapKey: MapKey, entry: Entry): void {
    const tracker = this.home.tracker
    const map = entry.leaf.owner
    this.entryCount--
    if (entry.createdEpoch === tracker.epoch) {
      map.erase(mapKey, entry)
    } else {
      tracker.beforeChange(entry)
      map.bury(entry)
    }
    this.home.current.serial++
    if (map.parent !== undefined && map.live === 0 && map.deleted === 0) this.onEmptied(map)
  }

  /** Drops an inner map with all that is in it. */
  protected detach(outer: EntryMap, outerMapKey: MapKey, map: EntryMap, keyGroups: readonly number[]): void {
    const tracker = this.home.tracker
    const parent = map.parent as Entry
    this.entryCount -= map.live
    parent.leaf.deleted -= map.deleted
    outer.erase(outerMapKey, parent)
    map.detached = true
    this.home.current.serial++
    if (parent.createdEpoch === tracker.epoch) return
    this.drops.push({ outerKey: parent.key, keyGroups, epoch: tracker.epoch })
    tracker.open?.keep(map)
  }

  protected restoreInto(map: EntryMap, key: unknown, keyGroup: number, restored: RestoredEntry, value: unknown): void {
    const entry = map.insert(toMapKey(key), key, keyGroup, value, 0)
    entry.writtenAtMs = restored.writtenAtMs ?? (this.descriptor.ttlMs === undefined ? 0 : Number.POSITIVE_INFINITY)
    this.entryCount++
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(key, value)
  }

  #sample(key: unknown, value: unknown): void {
    const bytes = estimateBytes(key) + estimateBytes(value) + ENTRY_BYTES
    this.#bytesPerEntry = this.#bytesPerEntry === 0 ? bytes : this.#bytesPerEntry * 0.9 + bytes * 0.1
  }
}

/** An entry object and its place in a map. */
const ENTRY_BYTES = 136
