/**
 * What all heap tables share: writing, deleting and expiring entries under the rules of the change tracker. How a kind
 * of table arranges its entries is in the file of that kind.
 */
import type { TableDescriptor } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { estimateBytes } from './bytes-estimate.ts'
import type { ChangeTracker } from './change-tracker.ts'
import { atOf, EntryMap, hashEntryKey, type ParentEntry } from './entry-map.ts'

/** The key that tables work on. */
export interface CurrentKey {
  key: unknown
  keyGroup: number
  /** `hashEntryKey` of key and group. */
  hash: number
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

const SAMPLE_MASK = 0xff

export abstract class HeapTable {
  /** As declared, or as stored while it is not declared. */
  descriptor: TableDescriptor
  readonly home: TableHome
  /** All entries, those of all key groups; where `isNested`, they hold inner maps. */
  readonly map: EntryMap
  /** Live entries; those of inner maps, not the maps. */
  entryCount = 0
  /** Not yet part of a completed snapshot, in order. */
  drops: Drop[] = []
  /** Keys looked up since `expectKeys`. */
  protected lookUps = 0
  #expectedKeys = 0
  #writes = 0
  #bytesPerEntry = 0

  constructor(descriptor: TableDescriptor, home: TableHome) {
    this.descriptor = descriptor
    this.home = home
    this.map = new EntryMap(this, undefined, home.tracker.epoch)
  }

  abstract readonly isNested: boolean
  /** Where the next keys will be looked up, as far as that can be guessed. */
  protected abstract readonly likelyMap: EntryMap | undefined
  abstract restoreEntry(keyGroup: number, entry: RestoredEntry): void
  /** The last entry of an inner map is gone, deleted ones too. */
  abstract onEmptied(map: EntryMap): void
  /** The value as it is stored. */
  storedValue(value: unknown): unknown {
    return value
  }

  get bytesEstimate(): number {
    return Math.round(this.entryCount * this.#bytesPerEntry)
  }

  /** `EntryMap.touch`, unless the table is not asked for most keys. */
  expectKeys(hashes: readonly number[], from: number, to: number): number {
    const isAsked = this.lookUps * 2 >= this.#expectedKeys
    this.lookUps = 0
    this.#expectedKeys = to - from
    return isAsked && this.likelyMap !== undefined ? this.likelyMap.touch(hashes, from, to) : 0
  }

  /** Takes a deletion that is part of a completed snapshot out of memory. */
  purge(map: EntryMap, row: number): void {
    map.erase(row)
    if (map.parent !== undefined && map.live === 0 && map.deleted === 0 && !map.detached) this.onEmptied(map)
  }

  onSnapshotComplete(completedEpoch: number): void {
    if (this.drops.length > 0) this.drops = this.drops.filter((drop) => drop.epoch > completedEpoch)
  }

  /** Whether there is a value to be read in a row (−1 for none); removes one that has expired. */
  protected isVisible(map: EntryMap, row: number): boolean {
    if (row < 0 || !map.partOf(row).isLive(atOf(row))) return false
    const ttlMs = this.descriptor.ttlMs
    if (ttlMs === undefined || !(this.home.now() - map.partOf(row).writtenAtMs(atOf(row)) >= ttlMs)) return true
    this.erase(map, row)
    return false
  }

  /** Writes an entry, which is in `row` unless that is −1, and returns its row. */
  protected write(map: EntryMap, row: number, hash: number, key: unknown, keyGroup: number, value: unknown): number {
    const tracker = this.home.tracker
    let written = row
    if (row < 0) {
      written = map.insert(hash, key, keyGroup, value, tracker.epoch)
      tracker.onChangeWithin(map)
      this.entryCount++
    } else {
      tracker.beforeChange(map, row)
      const part = map.partOf(row)
      if (part.isLive(atOf(row))) {
        part.setValue(atOf(row), value)
      } else {
        map.revive(row, value)
        this.entryCount++
      }
    }
    if (this.descriptor.ttlMs !== undefined) map.partOf(written).setWrittenAtMs(atOf(written), this.home.now())
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(map, written, value)
    return written
  }

  /** What `write` does of a live entry, before its value is changed where it stands. */
  protected changeInPlace(map: EntryMap, row: number): void {
    this.home.tracker.beforeChange(map, row)
    if (this.descriptor.ttlMs !== undefined) map.partOf(row).setWrittenAtMs(atOf(row), this.home.now())
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(map, row, map.value(row))
  }

  /** Deletes a live entry: without trace when no snapshot can know it, else as a tombstone. */
  protected erase(map: EntryMap, row: number): void {
    const tracker = this.home.tracker
    this.entryCount--
    if (map.partOf(row).created(atOf(row)) === tracker.epoch) {
      map.erase(row)
    } else {
      tracker.beforeChange(map, row)
      map.bury(row)
    }
    this.home.current.serial++
    if (map.parent !== undefined && map.live === 0 && map.deleted === 0) this.onEmptied(map)
  }

  /** Drops an inner map with all that is in it. */
  protected detach(map: EntryMap, keyGroups: readonly number[]): void {
    const tracker = this.home.tracker
    this.entryCount -= map.live
    const { key } = this.takeOut(map)
    this.home.current.serial++
    if (map.createdEpoch === tracker.epoch) return
    this.drops.push({ outerKey: key, keyGroups, epoch: tracker.epoch })
    tracker.open?.keep(map)
  }

  /** Takes an inner map out of the outer one. */
  protected takeOut(map: EntryMap): ParentEntry {
    const parent = map.parent as ParentEntry
    parent.map.partOf(parent.row).deleted -= map.deleted
    parent.map.erase(parent.row)
    map.detached = true
    return parent
  }

  protected restoreInto(map: EntryMap, key: unknown, keyGroup: number, restored: RestoredEntry, value: unknown): void {
    const row = map.insert(hashEntryKey(key, keyGroup), key, keyGroup, value, 0)
    const { writtenAtMs } = restored
    if (writtenAtMs !== undefined || this.descriptor.ttlMs !== undefined) {
      map.partOf(row).setWrittenAtMs(atOf(row), writtenAtMs ?? Number.POSITIVE_INFINITY)
    }
    this.entryCount++
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(map, row, value)
  }

  #sample(map: EntryMap, row: number, value: unknown): void {
    const bytes = map.partOf(row).keyBytesEstimate(atOf(row)) + estimateBytes(value) + ENTRY_BYTES
    this.#bytesPerEntry = this.#bytesPerEntry === 0 ? bytes : this.#bytesPerEntry * 0.9 + bytes * 0.1
  }
}

/** A row and its place in an index, key and value columns with the room that is left in them. */
const ENTRY_BYTES = 64
