/**
 * A walk over the live entries of a map that stays valid whatever changes: in the order of their hashes, so entries that
 * come, leave the cache or are written elsewhere meanwhile do not disturb it. Entries are read many at a time.
 */
import type { Entry } from '../store/entry-cache.ts'
import type { MapWalk } from '../store/entry-store.ts'
import type { RecordMap } from '../store/record-map.ts'

/** What a walk needs of the store. */
export interface WalkedStore {
  find(map: RecordMap, mixed: number, key: unknown, keyGroup: number): Entry | undefined
  /** Reads what is not in the cache of these mixed hashes together. */
  prefetchMixed(map: RecordMap, hashes: readonly number[], from: number, to: number): void
  /** All entries of a hash, deleted ones too. Only a single one is sure to be in the cache still. */
  entriesOf(map: RecordMap, mixed: number): readonly Entry[]
}

const FETCHED_TOGETHER = 256
const HASHES_END = 2 ** 32

export class EntryWalk implements MapWalk {
  readonly #store: WalkedStore
  readonly #map: RecordMap
  readonly #hashes: number[] = []
  #at = 0
  #from = 0
  /** Further keys of the hash that was met last. */
  #others: { readonly mixed: number; readonly key: unknown; readonly keyGroup: number }[] = []

  constructor(store: WalkedStore, map: RecordMap) {
    this.#store = store
    this.#map = map
  }

  /** The next entry that is alive, or `undefined` at the end. */
  next(): Entry | undefined {
    const store = this.#store
    const map = this.#map
    for (;;) {
      if (map.isDetached) return undefined
      const other = this.#others.pop()
      if (other !== undefined) {
        const entry = store.find(map, other.mixed, other.key, other.keyGroup)
        if (entry?.isLive === true) return entry
      } else if (this.#at < this.#hashes.length) {
        const entry = this.#meet()
        if (entry !== undefined) return entry
      } else if (this.#from < HASHES_END) {
        this.#from = map.hashesFrom(this.#from, this.#hashes)
        this.#at = 0
      } else {
        return undefined
      }
    }
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
