/** What all tables of the segment store share: their entries are in an `EntryStore`, by map and key. */
import type { TableDescriptor } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import type { Entry } from './entry-cache.ts'
import type { EntryStore } from './entry-store.ts'
import type { MapOwner, RecordMap } from './record-map.ts'

/** The key that tables work on. */
export interface CurrentKey {
  key: unknown
  keyGroup: number
  /** `hashEntryKey` of key and group, mixed. */
  mixed: number
  /** Changes with the key. */
  serial: number
}

/** What a table has of its backend. */
export interface TableHome {
  readonly store: EntryStore
  readonly current: CurrentKey
  /** First key group of the backend and how many it has. */
  readonly firstGroup: number
  readonly groupCount: number
}

/** Everything under an outer key (a map of a key, a namespace) was removed at once. */
export interface Drop {
  readonly outerKey: unknown
  readonly keyGroups: readonly number[]
  readonly epoch: number
}

export abstract class StoreTable implements MapOwner {
  /** As declared, or as stored while it is not declared. */
  descriptor: TableDescriptor
  readonly number: number
  readonly home: TableHome
  /** Of a value, in refusals. */
  readonly valueName: string
  /** Live entries. */
  entryCount = 0
  /** Not yet part of a completed snapshot, in order. */
  drops: Drop[] = []
  /** What a record of an entry takes, on average of those written last. */
  recordBytes = 0
  /** Keys looked up since `expectKeys`. */
  protected lookUps = 0
  #expectedKeys = 0

  constructor(descriptor: TableDescriptor, number: number, home: TableHome) {
    this.descriptor = descriptor
    this.number = number
    this.home = home
    this.valueName = `state "${descriptor.name}"`
  }

  /** The inner map of a number, also one that was taken out and is still in a snapshot; for −1 the map of all keys. */
  abstract mapAt(inner: number): RecordMap | undefined
  /** The last entry of a map is gone, deleted ones too. */
  abstract onEmptied(map: RecordMap): void
  abstract restoreEntry(keyGroup: number, entry: RestoredEntry): void
  /** Where the next keys will be looked up, as far as that can be guessed. */
  protected abstract readonly likelyMap: RecordMap | undefined

  /** The value as it is stored, from that of an entry, and back. */
  storedValue(value: unknown): unknown {
    return value
  }

  loadedValue(value: unknown): unknown {
    return value
  }

  /** What the table keeps for snapshots that are over. */
  onViewClosed(): void {}

  /** Bytes of the live records, about: those of an entry on average. */
  get bytesEstimate(): number {
    return Math.round(this.entryCount * this.recordBytes)
  }

  /** Fetches the entries of keys together, unless the table is not asked for most keys. */
  expectKeys(hashes: readonly number[], from: number, to: number): void {
    const isAsked = this.lookUps * 2 >= this.#expectedKeys
    this.lookUps = 0
    this.#expectedKeys = to - from
    if (isAsked && this.likelyMap !== undefined) this.home.store.prefetch(this.likelyMap, hashes, from, to, false)
  }

  onSnapshotComplete(completedEpoch: number): void {
    if (this.drops.length > 0) this.drops = this.drops.filter((drop) => drop.epoch > completedEpoch)
  }

  /** Whether there is a value to be read; removes one that has expired. */
  protected isVisible(entry: Entry | undefined): entry is Entry {
    if (entry === undefined || !entry.isLive) return false
    const { ttlMs } = this.descriptor
    if (ttlMs === undefined || !(this.home.store.now() - (entry.writtenAtMs ?? Number.POSITIVE_INFINITY) >= ttlMs)) {
      return true
    }
    this.home.store.erase(entry)
    return false
  }

  /** The time of a write that happens now. */
  protected writingTime(): number | undefined {
    return this.descriptor.ttlMs === undefined ? undefined : this.home.store.now()
  }
}
