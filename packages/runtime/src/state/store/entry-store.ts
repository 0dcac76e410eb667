/**
 * Entries larger than memory: a store on the disk holds them, a cache with a byte budget those in use, changed ones too
 * until they are written together. Tables look entries up and write them here, by map, hash and key; what a kind of table
 * makes of them is in the file of that kind. How entries lie on the disk, and how they are found there, is left to who
 * extends this: `LogEntryStore` (segments) and `OrderedEntryStore` (rocksdb).
 *
 * Invariants: an entry that is in the cache is in the index of its map once, by its row. Entries with changes are in the
 * cache. After a change the cache is within its budget, but for the entry that has changed and the few that stay whatever their size;
 * after a look-up it may hold one entry more. When a snapshot begins everything is in the store (`flush`), so what is written carries
 * the epoch of its last change.
 */
import { isSameKey } from '@millrace/core'
import { estimateBytes } from '../bytes-estimate.ts'
import { GROWTH_SHARE, type SharingCache } from './cache-shares.ts'
import { ChangedEntries } from './changed-entries.ts'
import { ENTRY_BYTES, type Entry, EntryCache } from './entry-cache.ts'
import { CACHED, type MapOwner, type RecordMap } from './record-map.ts'

export interface EntryStoreOptions {
  /** What the cache may hold at the moment; asked when it has grown, and before a snapshot. */
  readonly cacheBytes: () => number
  /** So many entries stay in the cache however large they are; default 16. */
  readonly cachedEntriesMin?: number
  /** Wall clock, epoch ms. */
  readonly now: () => number
}

/** A walk over the live entries of one map, which stays valid whatever changes. */
export interface MapWalk {
  /** The next entry that is alive, or `undefined` at the end. */
  next(): Entry | undefined
}

/** A walk over the live entries of a table, a bounded step at a time, which stays valid whatever changes. */
export interface TableWalk {
  /** The next entry that is alive and wanted; `undefined` says nothing more than that a step was done. */
  next(): Entry | undefined
  readonly isDone: boolean
}

/** What is known of an entry that is to be made. */
export interface NewEntry {
  readonly map: RecordMap
  readonly hash: number
  readonly key: unknown
  readonly keyGroup: number
  readonly value: unknown
  readonly writtenAtMs: number | undefined
  readonly bytes: number
  readonly keyBytes: number
}

/** Changed entries that are written at once when they become too many. */
const FLUSH_ENTRIES = 1_024
/** Of the cache, for entries with changes. */
const DIRTY_SHARE = 0.25
/** Changed entries never take more than this: a snapshot begins when they are in the store. */
const DIRTY_BYTES_MAX = 16 * 1024 ** 2
/** Else a value that is larger than the cache would be read and written with every change. */
const CACHED_ENTRIES_MIN = 16
/** A full cache asks whether it may hold more each time that so many entries have come. */
const ENTRIES_PER_ASK = 256

export abstract class EntryStore implements SharingCache {
  readonly cache = new EntryCache()
  readonly changed = new ChangedEntries()
  readonly tables: MapOwner[] = []
  /** Whether maps know all their entries, not only those in the cache, so that each map has to stay in memory. */
  abstract readonly indexesAll: boolean
  readonly #options: EntryStoreOptions
  readonly #entriesMin: number
  /** The budget as it was when it was last asked for, at first never. */
  #cacheBytes = 0
  #dirtyBytesMax = 0
  /** Up to this the cache may grow before it asks again. */
  #growsUpToBytes = 0
  #entriesUntilAsk = 0
  /** Where a look-up puts the places of a hash. */
  protected readonly places: number[] = []
  /** The current epoch, as in `ChangeTracker`: one per snapshot begun; restored entries are of epoch 0. */
  epoch = 1
  /** A completed snapshot holds everything up to this one. */
  completedEpoch = 0
  /** What was created later is in no snapshot that is complete or may become so. */
  knownEpoch = 0
  /** A snapshot is being encoded. */
  isViewOpen = false
  /** Entries that look-ups found in the cache, and that had to be read. */
  hits = 0
  misses = 0
  /** The map that is about to get an entry, and so is in use though it may have none. */
  protected busyMap: RecordMap | undefined

  constructor(options: EntryStoreOptions) {
    this.#options = options
    this.#entriesMin = options.cachedEntriesMin ?? CACHED_ENTRIES_MIN
  }

  get claimedBytes(): number {
    return Math.max(this.cache.bytes, this.#growsUpToBytes)
  }

  limitTo(bytes: number): void {
    this.#setBudget(bytes)
    this.makeRoom()
  }

  now(): number {
    return this.#options.now()
  }

  /** The entry of a key, also when it is deleted and that is still known. `key` in whatever form. */
  find(map: RecordMap, mixed: number, key: unknown, keyGroup: number): Entry | undefined {
    const places = this.places
    const count = map.placesOf(mixed, places)
    for (let i = 0; i < count; i++) {
      const place = places[i] as number
      if (place < CACHED) continue
      const entry = this.cache.at(place - CACHED)
      if (!isSameKey(entry.key, key)) continue
      if (this.cache.noteFound(entry)) this.hits++
      return entry
    }
    return this.load(map, mixed, key, keyGroup, count)
  }

  /** Reads what is not in the cache of these hashes of keys together. */
  abstract prefetch(map: RecordMap, hashes: readonly number[], from: number, to: number): void

  /** A walk over a map; over those entries too that come meanwhile, perhaps. */
  abstract walk(map: RecordMap): MapWalk

  /** A walk over all maps of a table with a time to live; entries that `wants` refuses by their time may be left out. */
  abstract walkTable(table: MapOwner, wants: (writtenAtMs: number | undefined) => boolean): TableWalk

  /** Whether a map has no live entry. */
  abstract isEmpty(map: RecordMap): boolean

  /** Writes the value of a key, which `find` has found in `entry`, and returns its entry. `key` must be canonical where it is new. */
  write(
    map: RecordMap,
    entry: Entry | undefined,
    mixed: number,
    key: unknown,
    keyGroup: number,
    value: unknown,
    writtenAtMs: number | undefined,
  ): Entry {
    const keyBytes = entry?.keyBytes ?? estimateBytes(key)
    const bytes = ENTRY_BYTES + keyBytes + estimateBytes(value)
    if (entry === undefined) {
      this.busyMap = map
      this.makeRoom()
      this.busyMap = undefined
      const created = this.createEntry({ map, hash: mixed, key, keyGroup, value, writtenAtMs, bytes, keyBytes })
      this.admit(created)
      map.live++
      map.table.entryCount++
      map.table.noteWritten(writtenAtMs)
      this.touch(created)
      return created
    }
    if (entry.isLive) {
      map.table.noteGone(entry.writtenAtMs)
    } else {
      entry.isLive = true
      map.live++
      map.table.entryCount++
    }
    map.table.noteWritten(writtenAtMs)
    entry.value = value
    entry.writtenAtMs = writtenAtMs
    this.cache.resize(entry, bytes)
    this.touch(entry)
    return entry
  }

  /** The entry has changed. It is in the cache still when this returns, unless it is a deletion; others may have left. */
  touch(entry: Entry): void {
    const { cache } = this
    const isFirst = !entry.isDirty
    if (isFirst) {
      cache.setDirty(entry, true)
      this.changed.add(entry, cache.dirtyEntries)
    }
    if (cache.dirtyBytes > this.#dirtyBytesMax && cache.dirtyEntries > this.#entriesMin) this.#flushSome()
    if (cache.bytes > this.#growsUpToBytes) this.#makeRoomBeside(entry)
    if (isFirst) this.onChange()
  }

  /** Deletes a live entry: without trace when no snapshot can know it, else so that the next delta says it. */
  erase(entry: Entry): void {
    const { map } = entry
    map.live--
    map.table.entryCount--
    map.table.noteGone(entry.writtenAtMs)
    if (entry.freshEpoch > this.knownEpoch && this.isForgotten(entry)) return
    entry.isLive = false
    entry.value = undefined
    this.cache.resize(entry, ENTRY_BYTES + entry.keyBytes)
    this.touch(entry)
  }

  /**
   * Takes out a whole map with all that is in it. True when the next delta has to say so. Nobody sees it from now on but snapshots that have
   * begun; of a large one something may be left to do.
   */
  abstract clear(map: RecordMap): boolean

  /** Something is left to do of maps that were taken out. */
  abstract readonly hasLeftovers: boolean

  /** Goes on with that for about so many units; returns what is left of them, at most 0 where there may be more to do. */
  abstract clearLeftovers(units: number): number

  /** Fixes what is in the store for a snapshot. */
  openView(): void {
    this.isViewOpen = true
  }

  closeView(): void {
    this.isViewOpen = false
    for (const table of this.tables) table.onViewClosed()
  }

  /** Writes all changes to the store. */
  flush(): void {
    this.#askForBudget()
    this.#flushAll()
  }

  close(): void {
    this.cache.clear()
    this.tables.length = 0
    this.changed.clear()
  }

  /** Looks in the store for a key of which `count` places of its hash are in `places`, none of them of it in the cache. */
  protected abstract load(
    map: RecordMap,
    mixed: number,
    key: unknown,
    keyGroup: number,
    count: number,
  ): Entry | undefined

  /** An entry that the store does not have. */
  protected abstract createEntry(entry: NewEntry): Entry

  /** Takes an entry that no snapshot knows out for good and without trace; false where it leaves one. */
  protected abstract isForgotten(entry: Entry): boolean

  /** An entry without changes has left the cache, where it was in a row. */
  protected abstract onEvicted(entry: Entry, row: number): void

  /** Writes up to `countMax` changed entries, which `changed` gives; they are clean then. */
  protected abstract append(countMax: number): void

  /** An entry has changes, and had none before. */
  protected onChange(): void {}

  /** Gives an entry that is in no index yet a row and its place. */
  protected admit(entry: Entry): void {
    this.cache.admit(entry)
    entry.map.add(entry.hash, CACHED + entry.row)
  }

  /** Lets entries leave until the cache is within its budget. */
  protected makeRoom(): void {
    const { cache } = this
    if (cache.bytes <= this.#growsUpToBytes) return
    if (cache.bytes <= this.#cacheBytes || --this.#entriesUntilAsk < 0) this.#askForBudget()
    while (cache.bytes > this.#cacheBytes && cache.entries > this.#entriesMin) {
      const victim = cache.nextVictim()
      if (victim === undefined) {
        if (this.changed.size === 0) return
        this.#flushAll()
        continue
      }
      const { row } = victim
      cache.release(victim)
      this.onEvicted(victim, row)
    }
  }

  #makeRoomBeside(entry: Entry): void {
    const { cache } = this
    // A deletion leaves once it is written.
    if (entry.row >= 0) cache.hold(entry)
    try {
      this.makeRoom()
    } finally {
      cache.letGo(entry)
    }
  }

  /** Changes have become too many. */
  #flushSome(): void {
    this.#askForBudget()
    this.#append(FLUSH_ENTRIES)
  }

  #flushAll(): void {
    while (this.changed.size > 0) this.#append(FLUSH_ENTRIES)
  }

  #append(countMax: number): void {
    try {
      this.append(countMax)
    } catch (error) {
      this.changed.onFailed()
      throw error
    }
    this.changed.onWritten()
  }

  #askForBudget(): void {
    this.#setBudget(this.#options.cacheBytes())
  }

  #setBudget(bytes: number): void {
    this.#cacheBytes = bytes
    this.#dirtyBytesMax = Math.min(bytes * DIRTY_SHARE, DIRTY_BYTES_MAX)
    this.#growsUpToBytes = Math.min(bytes, this.cache.bytes + bytes * GROWTH_SHARE)
    this.#entriesUntilAsk = ENTRIES_PER_ASK
  }
}
