/**
 * Walks over entries of an ordered store, in the order of its keys and many keys at a time, which stay valid whatever changes: where a
 * walk stands is a key, and what was read before something was written is read once more.
 */
import { isSameKey } from '@millrace/core'
import type { Entry } from '../store/entry-cache.ts'
import type { MapWalk, TableWalk } from '../store/entry-store.ts'
import type { MapOwner, RecordMap } from '../store/record-map.ts'
import type { BucketReader } from './buckets.ts'
import { type KeyLayout, rankAfter, rankOf } from './key-layout.ts'
import type { OrderedScan } from './ordered-store.ts'

/** What walks need of the store. */
export interface WalkedStore {
  readonly layout: KeyLayout
  readonly buckets: BucketReader
  /** Grows with every writing. */
  readonly writes: number
  find(map: RecordMap, mixed: number, key: unknown, keyGroup: number): Entry | undefined
  bucketOf(map: RecordMap, keyGroup: number, hash: number): Uint8Array | undefined
  /** A map from a rank on. */
  readPiece(map: RecordMap, fromRank: number, rowsMax: number): MapPiece
  scanTable(table: MapOwner): OrderedScan
  /** The entries of a map that are in the cache only. */
  unstoredOf(map: RecordMap): readonly Entry[]
  /** All entries of a hash and key group that are in the cache, deleted ones too. */
  cachedAt(map: RecordMap, keyGroup: number, hash: number): readonly Entry[]
  /** Takes the only record of a bucket into the cache, where it is not yet. */
  admitOnly(map: RecordMap, bucket: Uint8Array): Entry
}

/** Some buckets of a map, by their ranks and in their order. */
export interface MapPiece {
  readonly buckets: readonly (readonly [number, Uint8Array])[]
  /** Nothing is behind them. */
  readonly isLast: boolean
}

interface Place {
  readonly map: RecordMap
  readonly keyGroup: number
  readonly hash: number
}

const PIECE_ROWS = 256

/**
 * Over one map: what is in the store and what is in the cache only, side by side. The latter is noted once, when the walk begins: what is
 * written meanwhile is met in the store, or at its rank as if it were not.
 */
export class OrderedMapWalk implements MapWalk {
  readonly #store: WalkedStore
  #map: RecordMap
  #ranks: readonly number[] = []
  #buckets: ReadonlyMap<number, Uint8Array> = new Map()
  /** As `store.writes` was when the buckets were read. */
  #writes = -1
  #at = 0
  #fromRank = 0
  /** Of entries that were in the cache only, in order, and how many of them are in the ranks. */
  #unstored: Float64Array | undefined
  #unstoredMet = 0
  /** Further keys of the hash that was met last. */
  readonly #others: { readonly place: Place; readonly key: unknown }[] = []

  constructor(store: WalkedStore, map: RecordMap) {
    this.#store = store
    this.#map = map
  }

  next(): Entry | undefined {
    for (;;) {
      const map = this.#currentMap()
      if (map.isDetached) return undefined
      const other = this.#others.pop()
      if (other !== undefined) {
        const { hash, keyGroup } = other.place
        const entry = this.#store.find(map, hash, other.key, keyGroup)
        if (entry?.isLive === true) return entry
      } else if (this.#at < this.#ranks.length) {
        const entry = this.#meet(map, this.#ranks[this.#at++] as number)
        if (entry !== undefined) return entry
      } else if (this.#fromRank < Number.POSITIVE_INFINITY) {
        this.#fetch(map)
      } else {
        return undefined
      }
    }
  }

  /** Of a map of which nothing was in the cache any more there may be another by now. */
  #currentMap(): RecordMap {
    const map = this.#map
    if (!map.isCounted && map.number < 0)
      this.#map = map.table.mapFor(map.outerKey, (map.groups as number[])[0] as number)
    return this.#map
  }

  #fetch(map: RecordMap): void {
    const store = this.#store
    this.#unstored ??= Float64Array.from(store.unstoredOf(map), ({ keyGroup, hash }) =>
      rankOf(map.table, keyGroup, hash),
    ).sort()
    const piece = store.readPiece(map, this.#fromRank, PIECE_ROWS)
    const last = piece.buckets.at(-1)
    const end = piece.isLast || last === undefined ? Number.POSITIVE_INFINITY : rankAfter(map.table, last[0])
    const buckets = new Map(piece.buckets)
    const ranks = [...buckets.keys()]
    for (; this.#unstoredMet < this.#unstored.length; this.#unstoredMet++) {
      const rank = this.#unstored[this.#unstoredMet] as number
      if (rank >= end) break
      ranks.push(rank)
    }
    ranks.sort((a, b) => a - b)
    this.#ranks = ranks.filter((rank, index) => index === 0 || rank !== ranks[index - 1])
    this.#buckets = buckets
    this.#writes = store.writes
    this.#at = 0
    this.#fromRank = end
  }

  #meet(map: RecordMap, rank: number): Entry | undefined {
    const hash = (rank % 2 ** 32) | 0
    const isMap = map.table.descriptor.kind === 'map'
    const keyGroup = isMap ? ((map.groups as number[])[0] as number) : Math.floor(rank / 2 ** 32)
    const store = this.#store
    const bucket = store.writes === this.#writes ? this.#buckets.get(rank) : store.bucketOf(map, keyGroup, hash)
    const { entry, keys } = lookAt(store, { map, keyGroup, hash }, bucket)
    for (const key of keys) this.#others.push({ place: { map, keyGroup, hash }, key })
    return entry
  }
}

/** Over all maps of a table. What is in the cache only is not met: who begins the walk flushes before. */
export class OrderedTableWalk implements TableWalk {
  isDone = false
  readonly #store: WalkedStore
  readonly #table: MapOwner
  readonly #wants: (writtenAtMs: number | undefined) => boolean
  #rows: readonly Uint8Array[] = []
  #at = 0
  #writes = -1
  /** The last key that was read. */
  #last: Uint8Array | undefined
  #isLast = false
  readonly #others: { readonly place: Place; readonly key: unknown }[] = []

  constructor(store: WalkedStore, table: MapOwner, wants: (writtenAtMs: number | undefined) => boolean) {
    this.#store = store
    this.#table = table
    this.#wants = wants
  }

  next(): Entry | undefined {
    const other = this.#others.pop()
    if (other !== undefined) {
      const { hash, keyGroup, map } = other.place
      const entry = this.#store.find(this.#table.mapFor(map.outerKey, keyGroup), hash, other.key, keyGroup)
      return entry?.isLive === true ? entry : undefined
    }
    if (this.#at < this.#rows.length) {
      const key = this.#rows[this.#at++] as Uint8Array
      const bucket = this.#rows[this.#at++] as Uint8Array
      return this.#meet(key, bucket)
    }
    if (this.#isLast) this.isDone = true
    else this.#fetch()
    return undefined
  }

  #meet(key: Uint8Array, read: Uint8Array): Entry | undefined {
    const store = this.#store
    const { outerKey, keyGroup, hash } = store.layout.parseEntryKey(key)
    const map = this.#table.mapFor(outerKey, keyGroup)
    const bucket = store.writes === this.#writes ? read : store.bucketOf(map, keyGroup, hash)
    const place = { map, keyGroup, hash }
    const { entry, keys } = lookAt(store, place, bucket, this.#wants)
    for (const each of keys) this.#others.push({ place, key: each })
    return entry
  }

  #fetch(): void {
    const scan = this.#store.scanTable(this.#table)
    try {
      const last = this.#last
      if (last !== undefined) scan.seek(behind(last))
      this.#rows = scan.next(PIECE_ROWS)
      this.#isLast = scan.isFinished || this.#rows.length === 0
    } finally {
      scan.close()
    }
    this.#at = 0
    this.#writes = this.#store.writes
    this.#last = this.#rows.at(-2)
  }
}

/**
 * What is alive at a hash: the entry, where there is one key of it and `wants` takes it; the keys to look up one by one, where there
 * are several.
 */
function lookAt(
  store: WalkedStore,
  { map, keyGroup, hash }: Place,
  bucket: Uint8Array | undefined,
  wants: (writtenAtMs: number | undefined) => boolean = () => true,
): { readonly entry: Entry | undefined; readonly keys: readonly unknown[] } {
  const cached = store.cachedAt(map, keyGroup, hash)
  const { buckets } = store
  const { count, writtenAtMs } = bucket === undefined ? { count: 0, writtenAtMs: undefined } : buckets.recordsIn(bucket)
  if (cached.length === 0 && count === 1) {
    return { entry: wants(writtenAtMs) ? store.admitOnly(map, bucket as Uint8Array) : undefined, keys: [] }
  }
  const stored = bucket === undefined ? [] : buckets.keysIn(bucket)
  const uncached = stored.filter((key) => !cached.some((entry) => isSameKey(entry.key, key)))
  const [entry] = cached
  if (cached.length + uncached.length > 1) {
    return { entry: undefined, keys: [...cached.map(({ key }) => key), ...uncached] }
  }
  return { entry: entry?.isLive === true ? entry : undefined, keys: [] }
}

/** The first key behind another. */
function behind(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
