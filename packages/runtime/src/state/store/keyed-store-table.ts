/** A table with one entry per key: value and list tables. */
import { canonicalKey, mixHash } from '@millrace/core'
import { hashEntryKey } from '../entry-hash.ts'
import type { RestoredEntry } from '../restored-group.ts'
import type { Entry } from './entry-cache.ts'
import { RecordMap } from './record-map.ts'
import { StoreTable } from './store-table.ts'

export abstract class KeyedStoreTable extends StoreTable {
  readonly #map: RecordMap = new RecordMap(this, -1, undefined, 0, 0)
  #foundSerial = -1
  #found: Entry | undefined

  protected get likelyMap(): RecordMap {
    return this.#map
  }

  mapAt(): RecordMap {
    return this.#map
  }

  mapFor(): RecordMap {
    return this.#map
  }

  onFirst(): void {}

  onEmptied(): void {}

  liveMaps(): Iterable<RecordMap> {
    return [this.#map]
  }

  restoreEntry(keyGroup: number, { key, value, writtenAtMs }: RestoredEntry): void {
    this.restoreInto(keyGroup, key, value, writtenAtMs)
  }

  protected restoreInto(keyGroup: number, key: unknown, value: unknown, writtenAtMs: number | undefined): void {
    const mixed = mixHash(hashEntryKey(key, keyGroup))
    this.home.store.write(this.#map, undefined, mixed, canonicalKey(key), keyGroup, value, writtenAtMs)
  }

  /** The entry of the current key, also a deleted one. */
  protected find(): Entry | undefined {
    const { current, store } = this.home
    const known = this.#found
    if (this.#foundSerial === current.serial && (known === undefined || known.row >= 0)) return known
    this.#foundSerial = current.serial
    this.lookUps++
    const found = store.find(this.#map, current.mixed, current.key, current.keyGroup)
    this.#found = found
    return found
  }

  protected write(entry: Entry | undefined, value: unknown): void {
    const { current, store } = this.home
    const { key, keyGroup, mixed } = current
    const kept = entry === undefined ? canonicalKey(key) : entry.key
    this.#found = store.write(this.#map, entry, mixed, kept, keyGroup, value, this.writingTime())
  }

  protected erase(entry: Entry): void {
    this.home.store.erase(entry)
    // Without trace, perhaps.
    this.home.current.serial++
  }
}
