/**
 * Entries larger than memory: the log holds them, indexes in memory (`RecordMap`) say where, and a cache with a byte
 * budget holds those in use, changed ones too until they are appended together. Tables look entries up and write them
 * here, by map, hash and key; what a kind of table makes of them is in the file of that kind.
 *
 * Invariants: every entry is in the index of its map once, by its row while it is in the cache, else by the position of its
 * record. Entries with changes are in the cache. When a snapshot begins everything is in the log (`flush`), so records
 * carry the epoch of their last change.
 */
import { ByteReader, ByteWriter, isSameKey, mixHash, ValueDecoder } from '@millrace/core'
import { estimateBytes } from '../heap/bytes-estimate.ts'
import { describeFailure } from '../heap/heap-snapshot.ts'
import { ENTRY_BYTES, type Entry, EntryCache } from './entry-cache.ts'
import { type CleanedStore, LogCleaner } from './log-cleaner.ts'
import { emptyRecord, RecordEncoder, readHead, type StoreRecord } from './record-format.ts'
import { type LogFile, RecordLog, type RecordLogOptions } from './record-log.ts'
import { CACHED, type MapOwner, type RecordMap } from './record-map.ts'

export interface EntryStoreOptions extends RecordLogOptions {
  /** Asked often: what the cache may hold at the moment. */
  readonly cacheBytes: () => number
  /** So many entries stay in the cache however large they are; default 16. */
  readonly cachedEntriesMin?: number
  /** Wall clock, epoch ms. */
  readonly now: () => number
}

/** Changed entries that are appended at once when they become too many. */
const FLUSH_ENTRIES = 1_024
const FLUSH_BYTES = 1024 ** 2
/** Of the cache, for entries with changes. */
const DIRTY_SHARE = 0.25
/** Changed entries never take more than this: a snapshot begins when they are in the log. */
const DIRTY_BYTES_MAX = 16 * 1024 ** 2
/** Else a value that is larger than the cache would be read and written with every change. */
const CACHED_ENTRIES_MIN = 16
/** The cleaner reads so many times the bytes that were appended. */
const CLEANING_RATIO = 4

export class EntryStore implements CleanedStore {
  readonly log: RecordLog
  readonly cache = new EntryCache()
  readonly tables: MapOwner[] = []
  readonly #cleaner: LogCleaner
  readonly #options: EntryStoreOptions
  readonly #entriesMin: number
  readonly #writer = new ByteWriter(64 * 1024)
  readonly #encoder = new RecordEncoder(this.#writer)
  /** The record that is being read, and the one that is being written: making room for the former may append. */
  readonly #record = emptyRecord()
  readonly #appended = emptyRecord()
  /** Changed entries in the order in which they became so; those that are not any more are passed over. */
  #dirty: Entry[] = []
  /** Those before it have been written. */
  #dirtyFrom = 0
  /** The budget as it was when it was last asked for. */
  #cacheBytes = 0
  #dirtyBytesMax = 0
  #places: number[] = []
  #positions: Int32Array = new Int32Array(512)
  /** What `find` and `prefetch` read for. */
  #wantedMap: RecordMap | undefined
  #wantedKey: unknown
  #found: Entry | undefined
  #reader = new ByteReader(new Uint8Array(0))
  #decoder = new ValueDecoder(this.#reader)
  /** The current epoch, as in `ChangeTracker`: one per snapshot begun; restored entries are of epoch 0. */
  epoch = 1
  completedEpoch = 0
  /** A snapshot is being encoded. */
  isViewOpen = false
  /** Entries that look-ups found in the cache, and that had to be read. */
  hits = 0
  misses = 0

  constructor(options: EntryStoreOptions) {
    this.#options = options
    this.#entriesMin = options.cachedEntriesMin ?? CACHED_ENTRIES_MIN
    this.log = new RecordLog(options)
    this.#cleaner = new LogCleaner(this)
    this.#askForBudget()
  }

  now(): number {
    return this.#options.now()
  }

  /** Bytes of mostly dead files that were gone through to take back their space. */
  get cleanedBytes(): number {
    return this.#cleaner.cleanedBytes
  }

  /** The entry of a key, also when it is deleted. `key` in whatever form. */
  find(map: RecordMap, mixed: number, key: unknown): Entry | undefined {
    const places = this.#places
    const count = map.placesOf(mixed, places)
    if (count === 0) return undefined
    for (let i = 0; i < count; i++) {
      const place = places[i] as number
      if (place < CACHED) continue
      const entry = this.cache.at(place - CACHED)
      if (!isSameKey(entry.key, key)) continue
      if (this.cache.noteFound(entry)) this.hits++
      return entry
    }
    for (let i = 0; i < count; i++) {
      const place = places[i] as number
      if (place >= CACHED) continue
      this.misses++
      this.#wantedMap = map
      this.#wantedKey = key
      this.#found = undefined
      this.log.read(place, this.#admitWanted)
      if (this.#found !== undefined) return this.#found
    }
    return undefined
  }

  /** All entries of a hash, deleted ones too. Only a single one is sure to be in the cache still. */
  entriesOf(map: RecordMap, mixed: number): readonly Entry[] {
    const places: number[] = []
    map.placesOf(mixed, places)
    // First those in the cache: what is read may take their rows.
    const entries = places.filter((place) => place >= CACHED).map((place) => this.cache.at(place - CACHED))
    for (const place of places) {
      if (place >= CACHED) continue
      this.#wantedMap = map
      this.log.read(place, this.#admit)
      entries.push(this.#found as Entry)
    }
    return entries
  }

  /** Reads what is not in the cache of these hashes together. */
  prefetch(map: RecordMap, hashes: readonly number[], from: number, to: number, areMixed: boolean): void {
    const places = this.#places
    let wanted = 0
    if (map.live === 0) return
    for (let i = from; i < to; i++) {
      const hash = hashes[i] as number
      const count = map.placesOf(areMixed ? hash | 0 : mixHash(hash), places)
      for (let j = 0; j < count; j++) {
        const place = places[j] as number
        if (place < CACHED) this.#positions = put(this.#positions, wanted++, place)
        else this.cache.markUsed(this.cache.at(place - CACHED))
      }
    }
    if (wanted === 0) return
    const sorted = this.#positions.subarray(0, wanted).sort()
    let different = 1
    for (let i = 1; i < wanted; i++) if (sorted[i] !== sorted[i - 1]) sorted[different++] = sorted[i] as number
    this.misses += different
    this.#wantedMap = map
    this.log.readMany(sorted, different, areMixed ? this.#admit : this.#admitAhead)
  }

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
    const bytes = ENTRY_BYTES + estimateBytes(value)
    if (entry === undefined) {
      const created = this.#create(map, mixed, key, keyGroup, value, writtenAtMs, bytes + estimateBytes(key))
      map.add(mixed, CACHED + created.row)
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

  /** The entry has changed. */
  touch(entry: Entry): void {
    if (!entry.isDirty) {
      this.cache.setDirty(entry, true)
      this.#dirty.push(entry)
    }
    const { cache } = this
    if (cache.dirtyBytes > this.#dirtyBytesMax && cache.dirtyEntries > this.#entriesMin) this.#flushSome()
  }

  /** Deletes a live entry: without trace when no snapshot can know it, else as a tombstone. */
  erase(entry: Entry): void {
    const { map } = entry
    map.live--
    map.table.entryCount--
    map.table.noteGone(entry.writtenAtMs)
    if (entry.freshEpoch === this.epoch) {
      this.forget(entry)
      return
    }
    entry.isLive = false
    entry.value = undefined
    this.touch(entry)
  }

  /** Takes an entry out of memory and index for good. */
  forget(entry: Entry): void {
    const { map } = entry
    map.remove(entry.hash, CACHED + entry.row)
    this.#drop(entry)
    if (map.size === 0) map.table.onEmptied(map)
  }

  /** Takes out a whole map with all that is in it. */
  clear(map: RecordMap): void {
    map.table.entryCount -= map.live
    map.forEach((place) => {
      if (place >= CACHED) this.#drop(this.cache.at(place - CACHED))
      else this.log.supersede(place)
    })
    map.clear()
    map.live = 0
  }

  /** Fixes what is in the log for a snapshot. */
  openView(): void {
    this.isViewOpen = true
    this.log.openView()
  }

  closeView(): void {
    this.isViewOpen = false
    this.log.closeView()
    for (const table of this.tables) table.onViewClosed()
  }

  /** Appends all changes to the log. */
  flush(): void {
    while (this.#dirtyFrom < this.#dirty.length) this.#append(FLUSH_ENTRIES)
  }

  /** The place that the index has for the record at a position, or −1 when the record is superseded. */
  placeOf(record: StoreRecord, position: number): number {
    const map = this.mapOf(record)
    if (map === undefined) return -1
    const places = this.#places
    const count = map.placesOf(record.hash, places)
    for (let i = 0; i < count; i++) {
      const place = places[i] as number
      if (place === position || (place >= CACHED && this.cache.at(place - CACHED).position === position)) return place
    }
    return -1
  }

  mapOf(record: StoreRecord): RecordMap | undefined {
    return (this.tables[record.table] as MapOwner).mapAt(record.inner)
  }

  /** A tombstone of which no snapshot has to speak any more. */
  purge(record: StoreRecord, position: number, place: number): void {
    const map = this.mapOf(record) as RecordMap
    if (place >= CACHED) {
      const entry = this.cache.at(place - CACHED)
      // It has come back since, which the log does not know yet; then it is just not in the log any more.
      if (entry.isDirty) return
      this.cache.release(entry)
    }
    map.remove(record.hash, place)
    this.log.dropTombstone(position)
    this.log.supersede(position)
    if (map.size === 0) map.table.onEmptied(map)
  }

  /** The record of an entry was copied to another position. */
  relocate(record: StoreRecord, from: number, place: number, to: number, file: LogFile): void {
    file.records++
    file.live++
    file.epochMax = Math.max(file.epochMax, record.epoch)
    if (record.isTombstone) {
      file.tombstones++
      this.log.dropTombstone(from)
    }
    if (place >= CACHED) this.cache.at(place - CACHED).position = to
    else this.mapOf(record)?.move(record.hash, from, to)
    this.log.supersede(from)
  }

  /** Key and value of a record, whose bytes begin at `at`. */
  decode(table: MapOwner, record: StoreRecord, bytes: Uint8Array, bodyAt: number): { key: unknown; value: unknown } {
    const decoder = this.#decoderAt(bytes, bodyAt)
    const key = decoder.decode()
    return { key, value: record.isTombstone ? undefined : table.loadedValue(decoder.decode()) }
  }

  close(): void {
    this.log.close()
    this.cache.clear()
    this.tables.length = 0
    this.#dirty = []
  }

  readonly #admitWanted = (position: number, bytes: Uint8Array, view: DataView, at: number): void => {
    const record = this.#record
    const decoder = this.#decoderAt(bytes, readHead(view, at, record))
    const key = decoder.decode()
    if (isSameKey(key, this.#wantedKey)) this.#found = this.#load(position, record, key, decoder)
  }

  readonly #admit = (position: number, bytes: Uint8Array, view: DataView, at: number): void => {
    const record = this.#record
    const decoder = this.#decoderAt(bytes, readHead(view, at, record))
    this.#found = this.#load(position, record, decoder.decode(), decoder)
  }

  readonly #admitAhead = (position: number, bytes: Uint8Array, view: DataView, at: number): void => {
    this.#admit(position, bytes, view, at)
    this.cache.setAhead(this.#found as Entry)
  }

  #decoderAt(bytes: Uint8Array, at: number): ValueDecoder {
    if (this.#reader.bytes !== bytes) {
      this.#reader = new ByteReader(bytes, 'record of the local state store')
      this.#decoder = new ValueDecoder(this.#reader)
    }
    this.#reader.position = at
    this.#decoder.reset()
    return this.#decoder
  }

  #load(position: number, record: StoreRecord, key: unknown, decoder: ValueDecoder): Entry {
    const map = this.#wantedMap as RecordMap
    const value = record.isTombstone ? undefined : map.table.loadedValue(decoder.decode())
    this.#makeRoom()
    const entry: Entry = {
      map,
      hash: record.hash,
      key,
      keyGroup: record.keyGroup,
      value,
      isLive: !record.isTombstone,
      isDirty: false,
      position,
      isTombstoneStored: record.isTombstone,
      freshEpoch: record.isFresh ? record.epoch : -1,
      writtenAtMs: record.writtenAtMs,
      bytes: ENTRY_BYTES + record.lengthBytes * 2,
      row: -1,
    }
    this.cache.admit(entry)
    map.move(record.hash, position, CACHED + entry.row)
    return entry
  }

  #create(
    map: RecordMap,
    hash: number,
    key: unknown,
    keyGroup: number,
    value: unknown,
    writtenAtMs: number | undefined,
    bytes: number,
  ): Entry {
    this.#makeRoom()
    const entry: Entry = {
      map,
      hash,
      key,
      keyGroup,
      value,
      isLive: true,
      isDirty: false,
      position: -1,
      isTombstoneStored: false,
      freshEpoch: this.epoch,
      writtenAtMs,
      bytes,
      row: -1,
    }
    this.cache.admit(entry)
    return entry
  }

  /** Lets entries leave until the cache is within its budget. */
  #makeRoom(): void {
    const { cache } = this
    while (cache.bytes > this.#cacheBytes && cache.entries > this.#entriesMin) {
      const victim = cache.nextVictim()
      if (victim === undefined) {
        if (this.#dirtyFrom === this.#dirty.length) return
        this.flush()
        continue
      }
      const { row } = victim
      cache.release(victim)
      victim.map.move(victim.hash, CACHED + row, victim.position)
    }
  }

  #drop(entry: Entry): void {
    this.cache.release(entry)
    entry.isDirty = false
    if (entry.position < 0) return
    if (entry.isTombstoneStored) this.log.dropTombstone(entry.position)
    this.log.supersede(entry.position)
  }

  #flushSome(): void {
    this.#askForBudget()
    const before = this.log.bytesWritten
    this.#append(FLUSH_ENTRIES)
    this.#cleaner.clean((this.log.bytesWritten - before) * CLEANING_RATIO)
  }

  #askForBudget(): void {
    this.#cacheBytes = this.#options.cacheBytes()
    this.#dirtyBytesMax = Math.min(this.#cacheBytes * DIRTY_SHARE, DIRTY_BYTES_MAX)
  }

  /** Appends the changes of up to `countMax` entries, those first that changed first. */
  #append(countMax: number): void {
    const writer = this.#writer
    const dirty = this.#dirty
    const offsets: number[] = []
    const written: Entry[] = []
    const bytesMax = Math.min(FLUSH_BYTES, this.log.fileBytes / 4)
    let taken = this.#dirtyFrom
    writer.reset()
    while (taken < dirty.length && written.length < countMax && writer.position < bytesMax) {
      const entry = dirty[taken++] as Entry
      if (!entry.isDirty) continue
      offsets.push(writer.position)
      written.push(entry)
      this.#encode(entry)
    }
    if (written.length > 0) {
      const { position, file } = this.log.append(writer)
      file.records += written.length
      file.live += written.length
      file.epochMax = Math.max(file.epochMax, this.epoch)
      written.forEach((entry, index) => {
        this.#onAppended(entry, position + (offsets[index] as number) / 16, file)
      })
    }
    this.#dirtyFrom = taken
    if (taken * 2 < dirty.length) return
    this.#dirty = dirty.slice(taken)
    this.#dirtyFrom = 0
  }

  #onAppended(entry: Entry, position: number, file: LogFile): void {
    const earlier = entry.position
    if (earlier >= 0) {
      if (entry.isTombstoneStored) this.log.dropTombstone(earlier)
      this.log.supersede(earlier)
    }
    entry.position = position
    entry.isTombstoneStored = !entry.isLive
    if (!entry.isLive) file.tombstones++
    this.cache.setDirty(entry, false)
  }

  #encode(entry: Entry): void {
    const record = this.#appended
    const { table, number } = entry.map
    record.table = table.number
    record.epoch = this.epoch
    record.hash = entry.hash
    record.keyGroup = entry.keyGroup
    record.isTombstone = !entry.isLive
    record.isFresh = entry.freshEpoch === this.epoch
    record.inner = number
    record.writtenAtMs = entry.writtenAtMs
    const from = this.#writer.position
    try {
      const value = entry.isLive ? table.recordValue(entry.value) : undefined
      this.#encoder.write(record, entry.key, value, table.valueName)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, entry.key)
    }
    table.recordBytes += (this.#writer.position - from - table.recordBytes) * (table.recordBytes === 0 ? 1 : 0.01)
  }
}

function put(positions: Int32Array, at: number, position: number): Int32Array {
  let array = positions
  if (at === array.length) {
    array = new Int32Array(at * 2)
    array.set(positions)
  }
  array[at] = position
  return array
}
