/**
 * Entries in an ordered store (RocksDB). Nothing is kept in memory of an entry that is not in the cache: maps index what is
 * cached only. The records of all keys of one hash are one value there, a bucket (`buckets.ts`), so that a batch of keys can be fetched
 * by their hashes alone.
 *
 * What has changed since the last completed snapshot is named in a range of its own, by epoch (`entry-writer.ts`): a delta reads that,
 * not all state.
 *
 * Invariants: a record in the store is alive, and carries the epoch of its last change; with an epoch that is not complete a change
 * names it under that epoch. A deleted key that a snapshot may know has a deletion under the epoch of its deletion; what comes back
 * later does not take it away, so deletions are said before what is alive. Two entries of one hash that are in the cache know that
 * they share a bucket.
 */
import { isSameKey, keyGroupOfHash, mixHash } from '@millrace/core'
import { estimateBytes } from '../bytes-estimate.ts'
import { ENTRY_BYTES, type Entry } from '../store/entry-cache.ts'
import {
  EntryStore,
  type EntryStoreOptions,
  type MapWalk,
  type NewEntry,
  type TableWalk,
} from '../store/entry-store.ts'
import { CACHED, type MapOwner, type RecordMap } from '../store/record-map.ts'
import { BucketReader, isShared } from './buckets.ts'
import { EntryWriter, type OrderedEntry } from './entry-writer.ts'
import { endOfPrefix, KeyLayout, rankInKey, rankOf } from './key-layout.ts'
import { MapRemoval } from './map-removal.ts'
import type { OrderedScan, OrderedStore } from './ordered-store.ts'
import { type MapPiece, OrderedMapWalk, OrderedTableWalk, type WalkedStore } from './ordered-walk.ts'

export interface OrderedEntryStoreOptions extends EntryStoreOptions {
  readonly database: OrderedStore
  readonly maxParallelism: number
}

/** What a snapshot reads: the store as it was when the view was opened. */
export interface OrderedView {
  readonly entries: OrderedScan
  /** Since the last completed snapshot. */
  readonly changes: OrderedScan
}

const FLUSH_BYTES = 1024 ** 2
/** Hashes of which nothing is stored that are remembered of a map. */
const ABSENT_MAX = 8_192

export class OrderedEntryStore extends EntryStore implements WalkedStore {
  readonly indexesAll = false
  readonly layout: KeyLayout
  readonly buckets = new BucketReader()
  /** Grows with every writing: who holds bytes that were read before reads them again. */
  writes = 0
  readonly #database: OrderedStore
  readonly #maxParallelism: number
  readonly #writer: EntryWriter
  readonly #removal: MapRemoval
  #ranks = new Float64Array(512)
  #view: OrderedView | undefined

  constructor(options: OrderedEntryStoreOptions) {
    super(options)
    const { database } = options
    this.#database = database
    this.#maxParallelism = options.maxParallelism
    this.layout = new KeyLayout(database.takeNumber(), (table) => (this.tables[table] as MapOwner).descriptor.kind)
    this.#writer = new EntryWriter(database, this.layout, this.buckets)
    this.#removal = new MapRemoval(database, this.buckets)
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
    let hasLive = false
    map.forEach((place) => {
      hasLive ||= this.#entryAt(place).isLive
    })
    return !hasLive && this.walk(map).next() === undefined
  }

  clear(map: RecordMap): boolean {
    const { table, isCounted } = map
    let isKnown = isCounted
    map.forEach((place) => {
      const entry = this.#entryAt(place)
      if (entry.freshEpoch <= this.knownEpoch) isKnown = true
      if (!isCounted) this.#countAsStored(entry)
      this.#release(entry)
    })
    map.clear()
    if (!isCounted) {
      if (this.#removal.removeUncounted(this.layout.mapPrefix(map), table, this.knownEpoch)) isKnown = true
    } else {
      if (map.isStored) this.#removal.remove(this.layout.mapPrefix(map), map.live)
      table.entryCount -= map.live
    }
    map.live = 0
    map.absent = undefined
    map.isStored = false
    this.writes++
    return isKnown
  }

  get hasLeftovers(): boolean {
    return !this.#removal.isDone
  }

  clearLeftovers(units: number): number {
    return this.#removal.step(units)
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
    this.#removal.close()
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

  unstoredOf(map: RecordMap): readonly Entry[] {
    const entries: Entry[] = []
    map.forEach((place) => {
      const entry = this.#entryAt(place)
      if (entry.storedEpoch < 0) entries.push(entry)
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

  admitOnly(map: RecordMap, bucket: Uint8Array): Entry {
    return this.#admitBucket(map, bucket)[0] as Entry
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
    const { map, hash, key, keyGroup, value, writtenAtMs, bytes, keyBytes } = entry
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
      storedAtMs: undefined,
      bucket: isAbsent ? 'own' : 'unknown',
      freshEpoch: this.epoch,
      writtenAtMs,
      bytes,
      keyBytes,
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
      const entry = this.changed.take()
      if (entry === undefined) break
      taken.push(entry as OrderedEntry)
      bytes += entry.bytes
    }
    if (taken.length === 0) return
    try {
      this.#writer.write(taken, this)
    } finally {
      this.writes++
    }
    for (const entry of taken) {
      if (!entry.isLive) {
        this.#takeOut(entry)
        continue
      }
      entry.storedEpoch = this.epoch
      entry.storedAtMs = entry.writtenAtMs
      entry.map.isStored = true
      this.cache.setDirty(entry, false)
    }
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
    const kind = isShared(bucket) ? 'shared' : 'own'
    this.buckets.forEachRecord(bucket, ({ record, bodyAt }) => {
      const { key, value } = this.buckets.pairAt(map.table, bucket, bodyAt)
      if (!wants(key)) return
      const entry: OrderedEntry = {
        map,
        hash: record.hash,
        key,
        keyGroup: record.keyGroup,
        value,
        isLive: true,
        isDirty: false,
        storedEpoch: record.epoch,
        storedAtMs: record.writtenAtMs,
        bucket: kind,
        freshEpoch: record.isFresh ? record.epoch : -1,
        writtenAtMs: record.writtenAtMs,
        bytes: ENTRY_BYTES + record.lengthBytes * 2,
        keyBytes: estimateBytes(key),
        row: -1,
      }
      this.makeRoom()
      this.admit(entry)
      admitted.push(entry)
    })
    return admitted
  }

  /** Takes an entry out of the cache that is not, or no more, in the store. */
  #takeOut(entry: OrderedEntry): void {
    const { map } = entry
    map.remove(entry.hash, CACHED + entry.row)
    this.#release(entry)
    if (map.size === 0 && map !== this.busyMap) map.table.onEmptied(map)
  }

  /** The table counts an entry as the store has it, for it will be met there. */
  #countAsStored({ map: { table }, isLive, writtenAtMs, storedEpoch, storedAtMs }: OrderedEntry): void {
    if (isLive) {
      table.entryCount--
      table.noteGone(writtenAtMs)
    }
    if (storedEpoch < 0) return
    table.entryCount++
    if (storedAtMs !== undefined) table.noteWritten(storedAtMs)
  }

  #release(entry: OrderedEntry): void {
    this.cache.release(entry)
    entry.isDirty = false
  }
}

function hashOfRank(rank: number): number {
  return (rank % 2 ** 32) | 0
}
