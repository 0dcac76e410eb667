/**
 * The segment store: a log holds the entries, indexes in memory (`RecordMap`) say where each of them is, and changed entries
 * are appended together.
 *
 * Invariants: every entry is in the index of its map once, by its row while it is in the cache, else by the position of its
 * record; a deletion is an entry too, until a completed snapshot has said it.
 */
import { ByteWriter, isSameKey, mixHash, type ValueDecoder } from '@millrace/core'
import { estimateBytes } from '../bytes-estimate.ts'
import { ENTRY_BYTES, type Entry } from '../store/entry-cache.ts'
import { EntryStore, type EntryStoreOptions, type NewEntry, type TableWalk } from '../store/entry-store.ts'
import {
  emptyRecord,
  RecordDecoder,
  RecordEncoder,
  readHead,
  type StoreRecord,
  UNIT_BYTES,
} from '../store/record-format.ts'
import { CACHED, type MapOwner, type RecordMap } from '../store/record-map.ts'
import { describeFailure } from '../table-snapshot.ts'
import { EntryTableWalk, EntryWalk, type WalkedStore } from './entry-walk.ts'
import { type CleanedStore, LogCleaner } from './log-cleaner.ts'
import { MapRemoval, type RemovingStore } from './map-removal.ts'
import { type LogFile, RecordLog, type RecordLogOptions } from './record-log.ts'

/** An entry and where its record is. */
interface LogEntry extends Entry {
  /** Of its record in the log, or −1. */
  position: number
}

const FLUSH_BYTES = 1024 ** 2

export class LogEntryStore extends EntryStore implements CleanedStore, RemovingStore, WalkedStore {
  readonly indexesAll = true
  readonly log: RecordLog
  readonly #cleaner: LogCleaner
  readonly #removal = new MapRemoval(this)
  /** Of the snapshot that is open. */
  #viewEpoch = -1
  readonly #writer = new ByteWriter(64 * 1024)
  readonly #encoder = new RecordEncoder(this.#writer)
  /** The record that is being read, and the one that is being written: making room for the former may append. */
  readonly #record = emptyRecord()
  readonly #appended = emptyRecord()
  #positions: Int32Array = new Int32Array(512)
  /** What `load` and `prefetch` read for. */
  #wantedMap: RecordMap | undefined
  #wantedKey: unknown
  #found: LogEntry | undefined
  readonly #decoder = new RecordDecoder()

  constructor(options: EntryStoreOptions & RecordLogOptions) {
    super(options)
    this.log = new RecordLog(options)
    this.#cleaner = new LogCleaner(this)
  }

  /** Bytes of mostly dead files that were gone through to take back their space. */
  get cleanedBytes(): number {
    return this.#cleaner.cleanedBytes
  }

  entriesOf(map: RecordMap, mixed: number): readonly Entry[] {
    const places: number[] = []
    map.placesOf(mixed, places)
    // First those in the cache: what is read may take their rows.
    const entries = places.filter((place) => place >= CACHED).map((place) => this.#entryAt(place))
    for (const place of places) {
      if (place >= CACHED) continue
      this.#wantedMap = map
      this.log.read(place, this.#admit)
      entries.push(this.#found as LogEntry)
    }
    return entries
  }

  prefetch(map: RecordMap, hashes: readonly number[], from: number, to: number): void {
    this.#prefetch(map, hashes, from, to, false)
  }

  prefetchMixed(map: RecordMap, hashes: readonly number[], from: number, to: number): void {
    this.#prefetch(map, hashes, from, to, true)
  }

  walk(map: RecordMap): EntryWalk {
    return new EntryWalk(this, map)
  }

  walkTable(table: MapOwner): TableWalk {
    return new EntryTableWalk(this, table)
  }

  isEmpty(map: RecordMap): boolean {
    return map.live === 0
  }

  clear(map: RecordMap): boolean {
    map.table.entryCount -= map.live
    map.live = 0
    this.#removal.remove(map)
    return true
  }

  get hasLeftovers(): boolean {
    return !this.#removal.isDone
  }

  clearLeftovers(units: number): number {
    return this.#removal.step(units)
  }

  /** Takes the entries at these places out, which are in no index any more. */
  release(map: RecordMap, places: readonly number[]): void {
    const { table } = map
    let stored = 0
    for (const place of places) {
      if (place < CACHED) {
        this.#positions = put(this.#positions, stored++, place)
        continue
      }
      const entry = this.#entryAt(place)
      if (entry.isLive) table.noteGone(entry.writtenAtMs)
      this.#drop(entry)
    }
    if (stored === 0) return
    const positions = this.#positions.subarray(0, stored)
    if (table.descriptor.ttlMs !== undefined) this.log.readMany(positions.sort(), stored, this.#noteGone)
    for (const position of positions) this.#supersede(map, position)
  }

  override openView(): void {
    super.openView()
    this.#viewEpoch = this.epoch
    this.log.openView()
  }

  override closeView(): void {
    this.#viewEpoch = -1
    this.log.closeView()
    super.closeView()
  }

  /** The place that the index has for the record at a position, or −1 when the record is superseded. */
  placeOf(record: StoreRecord, position: number): number {
    const map = this.mapOf(record)
    if (map === undefined) return -1
    const places = this.places
    const count = map.placesOf(record.hash, places)
    for (let i = 0; i < count; i++) {
      const place = places[i] as number
      if (place === position || (place >= CACHED && this.#entryAt(place).position === position)) return place
    }
    return -1
  }

  mapOf(record: StoreRecord): RecordMap | undefined {
    return (this.tables[record.table] as MapOwner).mapAt(record.inner)
  }

  /** Takes out a record that the index has and nobody needs: of a map that was removed, or a deletion that was said. False for any other. */
  dismiss(record: StoreRecord, position: number, place: number): boolean {
    const map = this.mapOf(record) as RecordMap
    if (!map.isDetached) {
      return record.isTombstone && record.epoch <= this.completedEpoch && this.purge(record, position, place)
    }
    map.remove(record.hash, place)
    this.release(map, [place])
    return true
  }

  /** A tombstone of which no snapshot has to speak any more. False when it has to stay. */
  purge(record: StoreRecord, position: number, place: number): boolean {
    const map = this.mapOf(record) as RecordMap
    if (place >= CACHED) {
      const entry = this.cache.at(place - CACHED)
      // It has come back since, which the log does not know yet; then it is just not in the log any more.
      if (entry.isDirty) return false
      this.cache.release(entry)
    }
    map.remove(record.hash, place)
    this.#supersede(map, position)
    if (map.size === 0) map.table.onEmptied(map)
    return true
  }

  /** The record of an entry was copied to another position. */
  relocate(record: StoreRecord, from: number, place: number, to: number, file: LogFile): void {
    file.records++
    file.live++
    file.epochMax = Math.max(file.epochMax, record.epoch)
    if (record.isTombstone) this.log.noteTombstone(to)
    if (place >= CACHED) this.#entryAt(place).position = to
    else this.mapOf(record)?.move(record.hash, from, to)
    this.log.supersede(from)
  }

  /** Key and value of a record, whose bytes begin at `at`. */
  decode(table: MapOwner, record: StoreRecord, bytes: Uint8Array, bodyAt: number): { key: unknown; value: unknown } {
    const decoder = this.#decoder.at(bytes, bodyAt)
    const key = decoder.decode()
    return { key, value: record.isTombstone ? undefined : table.loadedValue(decoder.decode()) }
  }

  override close(): void {
    this.#removal.close()
    this.log.close()
    super.close()
  }

  protected override load(
    map: RecordMap,
    _mixed: number,
    key: unknown,
    _keyGroup: number,
    count: number,
  ): Entry | undefined {
    for (let i = 0; i < count; i++) {
      const place = this.places[i] as number
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

  protected override createEntry(entry: NewEntry): LogEntry {
    const { map, hash, key, keyGroup, value, writtenAtMs, bytes, keyBytes } = entry
    return {
      map,
      hash,
      key,
      keyGroup,
      value,
      isLive: true,
      isDirty: false,
      position: -1,
      freshEpoch: this.epoch,
      writtenAtMs,
      bytes,
      keyBytes,
      row: -1,
    }
  }

  protected override isForgotten(entry: Entry): boolean {
    const { map } = entry
    map.remove(entry.hash, CACHED + entry.row)
    this.#drop(entry as LogEntry)
    if (map.size === 0 && map !== this.busyMap) map.table.onEmptied(map)
    return true
  }

  protected override onEvicted(entry: Entry, row: number): void {
    entry.map.move(entry.hash, CACHED + row, (entry as LogEntry).position)
  }

  protected override append(countMax: number): void {
    const writer = this.#writer
    const offsets: number[] = []
    const written: LogEntry[] = []
    const bytesMax = Math.min(FLUSH_BYTES, this.log.fileBytes / 4)
    writer.reset()
    while (written.length < countMax && writer.position < bytesMax) {
      const entry = this.changed.take()
      if (entry === undefined) break
      if (this.#isOver(entry)) continue
      offsets.push(writer.position)
      written.push(entry as LogEntry)
      this.#encode(entry)
    }
    if (written.length === 0) return
    const { position, file } = this.log.append(writer)
    this.#cleaner.onAppended(written.length, writer.position)
    file.records += written.length
    file.live += written.length
    file.epochMax = Math.max(file.epochMax, this.epoch)
    written.forEach((entry, index) => {
      this.#onAppended(entry, position + (offsets[index] as number) / UNIT_BYTES)
    })
  }

  protected override onChange(): void {
    this.#cleaner.onChange()
  }

  readonly #admitWanted = (position: number, bytes: Uint8Array, view: DataView, at: number): void => {
    const record = this.#record
    const decoder = this.#decoder.at(bytes, readHead(view, at, record))
    const key = decoder.decode()
    if (isSameKey(key, this.#wantedKey)) this.#found = this.#load(position, record, key, decoder)
  }

  readonly #admit = (position: number, bytes: Uint8Array, view: DataView, at: number): void => {
    const record = this.#record
    const decoder = this.#decoder.at(bytes, readHead(view, at, record))
    this.#found = this.#load(position, record, decoder.decode(), decoder)
  }

  readonly #noteGone = (_position: number, _bytes: Uint8Array, view: DataView, at: number): void => {
    const record = this.#record
    readHead(view, at, record)
    if (!record.isTombstone) (this.tables[record.table] as MapOwner).noteGone(record.writtenAtMs)
  }

  readonly #admitAhead = (position: number, bytes: Uint8Array, view: DataView, at: number): void => {
    this.#admit(position, bytes, view, at)
    this.cache.setAhead(this.#found as LogEntry)
  }

  #entryAt(place: number): LogEntry {
    return this.cache.at(place - CACHED) as LogEntry
  }

  #prefetch(map: RecordMap, hashes: readonly number[], from: number, to: number, areMixed: boolean): void {
    const places = this.places
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

  #load(position: number, record: StoreRecord, key: unknown, decoder: ValueDecoder): LogEntry {
    const map = this.#wantedMap as RecordMap
    const value = record.isTombstone ? undefined : map.table.loadedValue(decoder.decode())
    this.makeRoom()
    const entry: LogEntry = {
      map,
      hash: record.hash,
      key,
      keyGroup: record.keyGroup,
      value,
      isLive: !record.isTombstone,
      isDirty: false,
      position,
      freshEpoch: record.isFresh ? record.epoch : -1,
      writtenAtMs: record.writtenAtMs,
      bytes: ENTRY_BYTES + record.lengthBytes * 2,
      keyBytes: estimateBytes(key),
      row: -1,
    }
    this.cache.admit(entry)
    map.move(record.hash, position, CACHED + entry.row)
    return entry
  }

  /** Whether nobody needs an entry that has changes; it is taken out then. */
  #isOver(entry: Entry): boolean {
    const { map } = entry
    if (map.isDetached) {
      const place = CACHED + entry.row
      map.remove(entry.hash, place)
      this.release(map, [place])
      return true
    }
    // The snapshots that knew it have been given up since it was deleted.
    return !entry.isLive && entry.freshEpoch > this.knownEpoch && this.isForgotten(entry)
  }

  #drop(entry: LogEntry): void {
    this.cache.release(entry)
    entry.isDirty = false
    if (entry.position >= 0) this.#supersede(entry.map, entry.position)
  }

  #supersede(map: RecordMap, position: number): void {
    if (map.isGoneIn(this.#viewEpoch)) this.log.discard(position)
    else this.log.supersede(position)
  }

  #onAppended(entry: LogEntry, position: number): void {
    if (entry.position >= 0) this.log.supersede(entry.position)
    entry.position = position
    if (!entry.isLive) this.log.noteTombstone(position)
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
