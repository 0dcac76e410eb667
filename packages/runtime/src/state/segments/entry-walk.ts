/**
 * Walks over the live entries of a map, and of all maps of a table, that stay valid whatever changes: in the order of their hashes, so
 * entries that come, leave the cache or are written elsewhere meanwhile do not disturb them. Entries are read many at a time.
 */
import type { Entry } from '../store/entry-cache.ts'
import type { MapWalk, TableWalk } from '../store/entry-store.ts'
import { HASHES_END, type MapOwner, type RecordMap } from '../store/record-map.ts'

/** What a walk needs of the store. */
export interface WalkedStore {
  find(map: RecordMap, mixed: number, key: unknown, keyGroup: number): Entry | undefined
  /** Reads what is not in the cache of these mixed hashes together. */
  prefetchMixed(map: RecordMap, hashes: readonly number[], from: number, to: number): void
  /** All entries of a hash, deleted ones too. Only a single one is sure to be in the cache still. */
  entriesOf(map: RecordMap, mixed: number): readonly Entry[]
}

const FETCHED_TOGETHER = 256

export class EntryWalk implements MapWalk {
  readonly #store: WalkedStore
  readonly #map: RecordMap
  readonly #hashes: number[] = []
  #at = 0
  #from = 0
  /** Further keys of the hash that was met last. */
  #others: { readonly mixed: number; readonly key: unknown; readonly keyGroup: number }[] = []
  isDone = false

  constructor(store: WalkedStore, map: RecordMap) {
    this.#store = store
    this.#map = map
  }

  /** The next entry that is alive, or `undefined` at the end. */
  next(): Entry | undefined {
    for (;;) {
      const entry = this.step()
      if (entry !== undefined || this.isDone) return entry
    }
  }

  /** A bounded step, however many entries are deleted: the next entry, if it is alive. */
  step(): Entry | undefined {
    const map = this.#map
    if (map.isDetached) {
      this.isDone = true
      return undefined
    }
    const other = this.#others.pop()
    if (other !== undefined) {
      const entry = this.#store.find(map, other.mixed, other.key, other.keyGroup)
      return entry?.isLive === true ? entry : undefined
    }
    if (this.#at === this.#hashes.length) {
      this.isDone = this.#from === HASHES_END
      if (this.isDone) return undefined
      this.#from = map.hashesFrom(this.#from, this.#hashes)
      this.#at = 0
    }
    return this.#hashes.length === 0 ? undefined : this.#meet()
  }

  #meet(): Entry | undefined {
    const hashes = this.#hashes
    if (this.#at % FETCHED_TOGETHER === 0) {
      this.#store.prefetchMixed(this.#map, hashes, this.#at, Math.min(this.#at + FETCHED_TOGETHER, hashes.length))
    }
    const mixed = (hashes[this.#at++] as number) | 0
    const entries = this.#store.entriesOf(this.#map, mixed)
    if (entries.length > 1) for (const { key, keyGroup } of entries) this.#others.push({ mixed, key, keyGroup })
    return entries.length === 1 && entries[0]?.isLive === true ? entries[0] : undefined
  }
}

/** One map of a table after the other. */
export class EntryTableWalk implements TableWalk {
  readonly #store: WalkedStore
  readonly #maps: Iterator<RecordMap>
  #walk: EntryWalk | undefined
  isDone = false

  constructor(store: WalkedStore, table: MapOwner) {
    this.#store = store
    this.#maps = table.liveMaps()[Symbol.iterator]()
  }

  next(): Entry | undefined {
    if (this.#walk === undefined || this.#walk.isDone) {
      const next = this.#maps.next()
      this.isDone = next.done === true
      if (next.done === true) return undefined
      this.#walk = new EntryWalk(this.#store, next.value)
    }
    // Deleted entries may be the most of a map, and are read as the others are.
    return this.#walk.step()
  }
}
