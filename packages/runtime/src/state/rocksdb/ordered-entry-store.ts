/**
 * Entries in an ordered store (RocksDB). Nothing is kept in memory of an entry that is not in the cache: maps index what is
 * cached only. The records of all keys of one hash are one value there, a bucket, so that a batch of keys can be fetched by their
 * hashes alone; nearly all buckets have one record.
 *
 * What has changed since the last completed snapshot is named in a range of its own, by epoch: a delta reads that, not all state.
 *
 * Invariants: a record in the store is alive, and carries the epoch of its last change; with an epoch that is not complete a change
 * names it under that epoch. A deleted key that a snapshot may know has a deletion under the epoch of its deletion; what comes back
 * later does not take it away, so deletions are said before what is alive. Two entries of one hash that are in the cache know that
 * they share a bucket.
 */
import { ByteWriter, isSameKey, keyGroupOfHash, mixHash } from '@millrace/core'
import { describeFailure } from '../heap/heap-snapshot.ts'
import { ENTRY_BYTES, type Entry } from '../store/entry-cache.ts'
import {
  EntryStore,
  type EntryStoreOptions,
  type MapWalk,
  type NewEntry,
  type TableWalk,
} from '../store/entry-store.ts'
import {
  checkRecord,
  emptyRecord,
  lengthAt,
  paddedBytes,
  RecordDecoder,
  RecordEncoder,
  readHead,
  type StoreRecord,
} from '../store/record-format.ts'
import { CACHED, type MapOwner, type RecordMap } from '../store/record-map.ts'
import { endOfPrefix, KeyLayout, rankInKey, rankOf } from './key-layout.ts'
import type { OrderedBatch, OrderedScan, OrderedStore } from './ordered-store.ts'
import {
  type BucketRecords,
  type MapPiece,
  OrderedMapWalk,
  OrderedTableWalk,
  type WalkedStore,
} from './ordered-walk.ts'

export interface OrderedEntryStoreOptions extends EntryStoreOptions {
  readonly database: OrderedStore
  readonly maxParallelism: number
}

interface OrderedEntry extends Entry {
  /** Epoch of its record in the store, or −1: it has none. */
  storedEpoch: number
  /** Whether the store may have other keys of its hash. */
  bucket: 'own' | 'unknown' | 'shared'
}

/** One record of a bucket. */
export interface StoredRecord {
  readonly record: StoreRecord
  /** Where key and value begin. */
  readonly bodyAt: number
}

/** What a snapshot reads: the store as it was when the view was opened. */
export interface OrderedView {
  readonly entries: OrderedScan
  /** Since the last completed snapshot. */
  readonly changes: OrderedScan
}

const NOTHING = new Uint8Array(0)
const FLUSH_BYTES = 1024 ** 2
/** A map of more entries is removed as a range, which later reads have to pass, instead of key by key. */
const RANGE_ENTRIES_MIN = 1_024
const SCAN_ROWS = 256
/** Hashes of which nothing is stored that are remembered of a map. */
const ABSENT_MAX = 8_192

export class OrderedEntryStore extends EntryStore implements WalkedStore {
  readonly indexesAll = false
  readonly layout: KeyLayout
  /** Grows with every writing: who holds bytes that were read before reads them again. */
  writes = 0
  readonly #database: OrderedStore
  readonly #maxParallelism: number
  readonly #batch: OrderedBatch
  readonly #writer = new ByteWriter(4_096)
  readonly #encoder = new RecordEncoder(this.#writer)
  readonly #decoder = new RecordDecoder()
  readonly #read = emptyRecord()
  readonly #written = emptyRecord()
  #ranks = new Float64Array(512)
  #view: OrderedView | undefined
  /** Changes up to this epoch are not in the store any more. */
  #saidEpoch = 0

  constructor(options: OrderedEntryStoreOptions) {
    super(options)
    this.#database = options.database
    this.#maxParallelism = options.maxParallelism
    this.#batch = options.database.batch()
    this.layout = new KeyLayout(
      options.database.takeNumber(),
      (table) => (this.tables[table] as MapOwner).descriptor.kind,
    )
  }

  /** While a snapshot is open. */
  get view(): OrderedView | undefined {
    return this.#view
  }

  prefetch(map: RecordMap, hashes: readonly number[], from: number, to: number): void {
    if (!map.isStored || map.live === 0) return
    const wanted = this.#ranksToFetch(map, hashes, from, to)
    if (wanted.length === 0) return
    const keys: Uint8Array[] = []
    for (const rank of wanted) keys.push(this.#keyOfRank(map, rank))
    const buckets = this.#database.getMany(keys)
    this.misses += keys.length
    const absent = new Set<number>()
    map.absent = absent
    buckets.forEach((bucket, index) => {
      if (bucket === undefined) absent.add(hashOfRank(wanted[index] as number))
      else for (const entry of this.#admitBucket(map, bucket)) if (entry.row >= 0) this.cache.setAhead(entry)
    })
  }

  walk(map: RecordMap): MapWalk {
    return new OrderedMapWalk(this, map)
  }

  walkTable(table: MapOwner, wants: (writtenAtMs: number | undefined) => boolean): TableWalk {
    this.flush()
    return new OrderedTableWalk(this, table, wants)
  }

  isEmpty(map: RecordMap): boolean {
    if (map.isCounted) return map.live === 0
    return !this.cachedOf(map).some(({ isLive }) => isLive) && this.walk(map).next() === undefined
  }

  clear(map: RecordMap): boolean {
    let fromCache = 0
    let dead = 0
    map.forEach((place) => {
      const entry = this.#entryAt(place)
      if (!entry.isLive) dead++
      else if (entry.storedEpoch < 0) fromCache++
      this.#release(entry)
    })
    map.clear()
    const { isCounted } = map
    const mayBeStored = !isCounted || map.isStored
    const isRange = isCounted && map.live >= RANGE_ENTRIES_MIN
    if (mayBeStored && isRange) {
      const prefix = this.layout.mapPrefix(map)
      this.#database.removeRange(prefix, endOfPrefix(prefix))
    }
    // A deleted entry of which the store does not know yet is among those that are removed there.
    const stored = mayBeStored && !isRange ? this.#removeEach(map) - dead : 0
    map.table.entryCount -= isCounted ? map.live : fromCache + stored
    map.live = 0
    map.absent = undefined
    map.isStored = false
    this.writes++
    return isCounted || fromCache + stored + dead > 0
  }

  override openView(): void {
    super.openView()
    const { entries } = this.layout
    const changes = this.layout.changes(this.completedEpoch + 1, this.epoch + 1)
    this.#view = {
      entries: this.#database.scan(entries.from, entries.end),
      changes: this.#database.scan(changes.from, changes.end),
    }
  }

  override closeView(): void {
    this.#view?.entries.close()
    this.#view?.changes.close()
    this.#view = undefined
    super.closeView()
  }

  override close(): void {
    this.#view?.entries.close()
    this.#view?.changes.close()
    this.#view = undefined
    super.close()
  }

  /** The bucket of a hash. */
  bucketOf(map: RecordMap, keyGroup: number, hash: number): Uint8Array | undefined {
    if (map.isCounted && !map.isStored) return undefined
    return this.#database.getMany([this.layout.entryKey(map, keyGroup, hash)])[0]
  }

  scanTable(table: MapOwner): OrderedScan {
    const prefix = this.layout.tablePrefix(table.number)
    return this.#database.scan(prefix, endOfPrefix(prefix))
  }

  readPiece(map: RecordMap, fromRank: number, rowsMax: number): MapPiece {
    if (map.isCounted && !map.isStored) return { buckets: [], isLast: true }
    const prefix = this.layout.mapPrefix(map)
    const scan = this.#database.scan(fromRank === 0 ? prefix : this.#keyOfRank(map, fromRank), endOfPrefix(prefix))
    try {
      const rows = scan.next(rowsMax)
      const buckets: (readonly [number, Uint8Array])[] = []
      for (let at = 0; at < rows.length; at += 2) {
        buckets.push([rankInKey(rows[at] as Uint8Array, prefix.length), rows[at + 1] as Uint8Array])
      }
      return { buckets, isLast: scan.isFinished || buckets.length === 0 }
    } finally {
      scan.close()
    }
  }

  cachedOf(map: RecordMap): readonly Entry[] {
    const entries: Entry[] = []
    map.forEach((place) => {
      entries.push(this.#entryAt(place))
    })
    return entries
  }

  cachedAt(map: RecordMap, keyGroup: number, hash: number): readonly Entry[] {
    const entries: Entry[] = []
    const count = map.placesOf(hash, this.places)
    for (let i = 0; i < count; i++) {
      const entry = this.#entryAt(this.places[i] as number)
      if (entry.keyGroup === keyGroup) entries.push(entry)
    }
    return entries
  }

  recordsIn(bucket: Uint8Array): BucketRecords {
    let count = 0
    let writtenAtMs: number | undefined
    this.forEachRecord(bucket, ({ record }) => {
      count++
      writtenAtMs = record.writtenAtMs
    })
    return { count, writtenAtMs }
  }

  keysIn(bucket: Uint8Array): readonly unknown[] {
    const keys: unknown[] = []
    this.forEachRecord(bucket, ({ bodyAt }) => keys.push(this.#decoder.at(bucket, bodyAt).decode()))
    return keys
  }

  admitOnly(map: RecordMap, bucket: Uint8Array): Entry {
    return this.#admitBucket(map, bucket)[0] as Entry
  }

  /** What `visit` gets holds only until the next record. Throws `BYTES_DAMAGED`. */
  forEachRecord(bucket: Uint8Array, visit: (stored: StoredRecord) => void): void {
    const view = new DataView(bucket.buffer, bucket.byteOffset, bucket.byteLength)
    const record = this.#read
    for (let at = 0; at < bucket.length; ) {
      checkRecord(bucket, view, at, bucket.length - at)
      const bodyAt = readHead(view, at, record)
      at += paddedBytes(record.lengthBytes)
      visit({ record, bodyAt })
    }
  }

  /** Key and value of a record, as entries have them. */
  decode(table: MapOwner, bucket: Uint8Array, bodyAt: number): { readonly key: unknown; readonly value: unknown } {
    const decoder = this.#decoder.at(bucket, bodyAt)
    const key = decoder.decode()
    return { key, value: table.loadedValue(decoder.decode()) }
  }

  protected override load(
    map: RecordMap,
    mixed: number,
    key: unknown,
    keyGroup: number,
    count: number,
  ): Entry | undefined {
    if (map.isCounted && map.live === 0) return undefined
    if (map.absent?.has(mixed) === true) return undefined
    const bucket = this.bucketOf(map, keyGroup, mixed)
    this.misses++
    if (bucket !== undefined) return this.#admitBucket(map, bucket, (other) => isSameKey(other, key))[0]
    // What is in the cache of this hash may be written, and leave, before the hash is asked for again.
    if (map.isCounted && count === 0) {
      if (map.absent === undefined || map.absent.size >= ABSENT_MAX) map.absent = new Set()
      map.absent.add(mixed)
    }
    return undefined
  }

  protected override createEntry(entry: NewEntry): OrderedEntry {
    const { map, hash, key, keyGroup, value, writtenAtMs, bytes } = entry
    const isAbsent = map.absent?.delete(hash) === true || (map.isCounted && !map.isStored)
    return {
      map,
      hash,
      key,
      keyGroup,
      value,
      isLive: true,
      isDirty: false,
      storedEpoch: -1,
      bucket: isAbsent ? 'own' : 'unknown',
      freshEpoch: this.epoch,
      writtenAtMs,
      bytes,
      row: -1,
    }
  }

  protected override admit(entry: Entry): void {
    const { map, hash } = entry
    const count = map.placesOf(hash, this.places)
    for (let i = 0; i < count; i++) this.#entryAt(this.places[i] as number).bucket = 'shared'
    if (count > 0) (entry as OrderedEntry).bucket = 'shared'
    super.admit(entry)
    if (map.size === 1) map.table.onFirst(map)
  }

  protected override isForgotten(entry: Entry): boolean {
    const ordered = entry as OrderedEntry
    if (ordered.storedEpoch >= 0) return false
    this.#takeOut(ordered)
    return true
  }

  protected override onEvicted(entry: Entry, row: number): void {
    const { map } = entry
    map.remove(entry.hash, CACHED + row)
    if (map.size === 0) map.table.onEmptied(map)
  }

  protected override append(countMax: number): void {
    const taken: OrderedEntry[] = []
    for (let bytes = 0; taken.length < countMax && bytes < FLUSH_BYTES; ) {
      const entry = this.takeDirty()
      if (entry === undefined) break
      taken.push(entry as OrderedEntry)
      bytes += entry.bytes
    }
    if (taken.length === 0) return
    this.#removeSaidChanges()
    this.#askForBuckets(taken)
    const batch = this.#batch
    try {
      for (const entry of taken) {
        if (entry.bucket !== 'shared')
          this.#gather(entry, this.layout.entryKey(entry.map, entry.keyGroup, entry.hash), [])
      }
      batch.write()
      // One by one: of two in one bucket the second needs what the first has made of it.
      for (const entry of taken) {
        if (entry.bucket !== 'shared') continue
        const key = this.layout.entryKey(entry.map, entry.keyGroup, entry.hash)
        this.#gather(entry, key, this.#othersIn(this.#database.getMany([key])[0], entry.key))
        batch.write()
      }
    } finally {
      batch.clear()
      this.writes++
    }
    for (const entry of taken) {
      if (!entry.isLive) {
        this.#takeOut(entry)
        continue
      }
      entry.storedEpoch = this.epoch
      entry.map.isStored = true
      this.cache.setDirty(entry, false)
    }
  }

  /** With the next writing, so that a disk that fails is met where one is expected. */
  #removeSaidChanges(): void {
    const { completedEpoch } = this
    if (this.#saidEpoch === completedEpoch) return
    const { from, end } = this.layout.changes(this.#saidEpoch + 1, completedEpoch + 1)
    this.#database.removeRange(from, end)
    this.#saidEpoch = completedEpoch
  }

  #entryAt(place: number): OrderedEntry {
    return this.cache.at(place - CACHED) as OrderedEntry
  }

  #keyOfRank(map: RecordMap, rank: number): Uint8Array {
    return this.layout.entryKey(map, Math.floor(rank / 2 ** 32), hashOfRank(rank))
  }

  /** In order, each once: what of the hashes is not in the cache, and may be in the store. */
  #ranksToFetch(map: RecordMap, hashes: readonly number[], from: number, to: number): Float64Array {
    const { places } = this
    if (this.#ranks.length < to - from) this.#ranks = new Float64Array((to - from) * 2)
    const ranks = this.#ranks
    let wanted = 0
    for (let i = from; i < to; i++) {
      const hash = hashes[i] as number
      const mixed = mixHash(hash)
      const count = map.placesOf(mixed, places)
      for (let j = 0; j < count; j++) this.cache.markUsed(this.#entryAt(places[j] as number))
      if (count > 0) continue
      ranks[wanted++] = rankOf(map.table, keyGroupOfHash(hash, this.#maxParallelism), mixed)
    }
    const sorted = ranks.subarray(0, wanted).sort()
    let different = 0
    for (let i = 0; i < wanted; i++) {
      if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[different++] = sorted[i] as number
    }
    return sorted.slice(0, different)
  }

  /** Takes the records of a bucket whose keys are wanted into the cache, where they are not yet, and returns their entries. */
  #admitBucket(
    map: RecordMap,
    bucket: Uint8Array,
    wants: (key: unknown) => boolean = () => true,
  ): readonly OrderedEntry[] {
    const admitted: OrderedEntry[] = []
    const isShared = paddedBytes(lengthIn(bucket)) < bucket.length
    this.forEachRecord(bucket, ({ record, bodyAt }) => {
      const decoder = this.#decoder.at(bucket, bodyAt)
      const key = decoder.decode()
      if (!wants(key)) return
      const entry: OrderedEntry = {
        map,
        hash: record.hash,
        key,
        keyGroup: record.keyGroup,
        value: map.table.loadedValue(decoder.decode()),
        isLive: true,
        isDirty: false,
        storedEpoch: record.epoch,
        bucket: isShared ? 'shared' : 'own',
        freshEpoch: record.isFresh ? record.epoch : -1,
        writtenAtMs: record.writtenAtMs,
        bytes: ENTRY_BYTES + record.lengthBytes * 2,
        row: -1,
      }
      this.makeRoom()
      this.admit(entry)
      admitted.push(entry)
    })
    return admitted
  }

  /** Of entries that were made without a look at the store: whether there are other keys of their hash. */
  #askForBuckets(entries: readonly OrderedEntry[]): void {
    const unknown = entries.filter(({ bucket, isLive }) => bucket === 'unknown' && isLive)
    if (unknown.length === 0) return
    const keys = unknown.map(({ map, keyGroup, hash }) => this.layout.entryKey(map, keyGroup, hash))
    const buckets = this.#database.getMany(keys)
    unknown.forEach((entry, index) => {
      entry.bucket = buckets[index] === undefined ? 'own' : 'shared'
    })
  }

  /** Adds to the batch what an entry has become, beside the other records of its bucket. */
  #gather(entry: OrderedEntry, key: Uint8Array, others: readonly Uint8Array[]): void {
    const writer = this.#writer
    writer.reset()
    for (const other of others) writer.raw(other)
    if (entry.isLive) this.#encode(entry)
    if (writer.position > 0) this.#batch.put(key, writer.written())
    else this.#batch.remove(key)
    // What is restored has not changed since a completed snapshot.
    if (this.epoch > this.completedEpoch) this.#gatherChange(entry, key)
  }

  #gatherChange(entry: OrderedEntry, key: Uint8Array): void {
    const { epoch } = this
    const { storedEpoch } = entry
    if (entry.isLive) {
      if (storedEpoch === epoch) return
      this.#batch.put(this.layout.changeKey(key, epoch), NOTHING)
    } else if (entry.freshEpoch !== epoch) {
      this.#batch.put(this.layout.deletionKey(key, epoch, entry.key), NOTHING)
    }
    // One name is enough, the latest; but an earlier one may be that of another key too.
    if (storedEpoch > this.completedEpoch && entry.bucket !== 'shared') {
      this.#batch.remove(this.layout.changeKey(key, storedEpoch))
    }
  }

  #othersIn(bucket: Uint8Array | undefined, key: unknown): readonly Uint8Array[] {
    const others: Uint8Array[] = []
    if (bucket === undefined) return others
    let at = 0
    this.forEachRecord(bucket, ({ record, bodyAt }) => {
      const end = at + paddedBytes(record.lengthBytes)
      if (!isSameKey(this.#decoder.at(bucket, bodyAt).decode(), key)) others.push(bucket.subarray(at, end))
      at = end
    })
    return others
  }

  #encode(entry: Entry): void {
    const record = this.#written
    const { table } = entry.map
    record.table = table.number
    record.epoch = this.epoch
    record.hash = entry.hash
    record.keyGroup = entry.keyGroup
    record.isFresh = entry.freshEpoch === this.epoch
    record.writtenAtMs = entry.writtenAtMs
    const from = this.#writer.position
    try {
      this.#encoder.write(record, entry.key, table.recordValue(entry.value), table.valueName)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, entry.key)
    }
    table.recordBytes += (this.#writer.position - from - table.recordBytes) * (table.recordBytes === 0 ? 1 : 0.01)
  }

  /** Takes an entry out of the cache that is not, or no more, in the store. */
  #takeOut(entry: OrderedEntry): void {
    const { map } = entry
    map.remove(entry.hash, CACHED + entry.row)
    this.#release(entry)
    if (map.size === 0 && map !== this.busyMap) map.table.onEmptied(map)
  }

  #release(entry: OrderedEntry): void {
    this.cache.release(entry)
    entry.isDirty = false
  }

  /** Removes the keys of a map from the store one by one; returns how many records that were. */
  #removeEach(map: RecordMap): number {
    const prefix = this.layout.mapPrefix(map)
    const scan = this.#database.scan(prefix, endOfPrefix(prefix))
    let records = 0
    try {
      for (let rows = scan.next(SCAN_ROWS); rows.length > 0; rows = scan.next(SCAN_ROWS)) {
        for (let at = 0; at < rows.length; at += 2) {
          this.#batch.remove(rows[at] as Uint8Array)
          this.forEachRecord(rows[at + 1] as Uint8Array, () => records++)
        }
        this.#batch.write()
      }
    } finally {
      scan.close()
      this.#batch.clear()
    }
    return records
  }
}

function hashOfRank(rank: number): number {
  return (rank % 2 ** 32) | 0
}

function lengthIn(bucket: Uint8Array): number {
  return lengthAt(new DataView(bucket.buffer, bucket.byteOffset, bucket.byteLength), 0)
}
