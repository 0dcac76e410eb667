/** Entries per key: an inner map for each key, by user key. */
import { canonicalKey, type MapTable, mixHash } from '@millrace/core'
import { hashEntryKey } from '../entry-hash.ts'
import type { RestoredEntry } from '../restored-group.ts'
import type { Entry } from './entry-cache.ts'
import { NestedStoreTable } from './nested-store-table.ts'
import type { RecordMap } from './record-map.ts'

export class StoreMapTable<K, V> extends NestedStoreTable implements MapTable<K, V> {
  #foundSerial = -1
  #found: RecordMap | undefined

  /** User keys are not known before they are asked for. */
  protected get likelyMap(): undefined {
    return undefined
  }

  get(userKey: K): V | undefined {
    return this.read(this.#entry(userKey)) as V | undefined
  }

  has(userKey: K): boolean {
    const entry = this.#entry(userKey)
    if (!this.isReadable(entry)) return false
    if (this.expiry?.renewsOnRead === true && !this.hasExpired(entry.writtenAtMs)) this.renew(entry)
    return true
  }

  put(userKey: K, value: V): void {
    const { current, store } = this.home
    const mixed = this.#hash(userKey)
    const inner = this.#inner() ?? this.#create()
    const entry = store.find(inner, mixed, userKey, current.keyGroup)
    const key = entry === undefined ? canonicalKey(userKey) : entry.key
    store.write(inner, entry, mixed, key, current.keyGroup, value, this.writingTime())
  }

  delete(userKey: K): void {
    const entry = this.#entry(userKey)
    if (this.isVisible(entry)) this.home.store.erase(entry)
  }

  *entries(): Generator<[K, V]> {
    const inner = this.#inner()
    if (inner === undefined) return
    const walk = this.home.store.walk(inner)
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      if (!this.isReadable(entry)) continue
      const key = entry.key as K
      yield [key, this.read(entry) as V]
    }
  }

  get isEmpty(): boolean {
    const inner = this.#inner()
    const { store } = this.home
    if (inner === undefined || store.isEmpty(inner)) return true
    if (this.expiry === undefined) return false
    const walk = store.walk(inner)
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) if (this.isReadable(entry)) return false
    return true
  }

  remove(): void {
    const inner = this.#inner()
    if (inner !== undefined) this.detach(inner, [this.home.current.keyGroup])
  }

  mapFor(outerKey: unknown, keyGroup: number): RecordMap {
    const outer = mixHash(hashEntryKey(outerKey, keyGroup))
    const known = this.innerOf(outer, outerKey)
    if (known !== undefined) return known
    return this.home.store.indexesAll
      ? this.createInner(outer, outerKey)
      : this.uncachedInner(outer, outerKey, keyGroup)
  }

  restoreEntry(keyGroup: number, { key, sub, value, writtenAtMs }: RestoredEntry): void {
    const mixed = mixHash(hashEntryKey(sub, keyGroup))
    const inner = this.mapFor(key, keyGroup)
    this.home.store.write(inner, undefined, mixed, canonicalKey(sub), keyGroup, value, writtenAtMs)
  }

  #entry(userKey: K): Entry | undefined {
    const mixed = this.#hash(userKey)
    const inner = this.#inner()
    if (inner === undefined) return undefined
    return this.home.store.find(inner, mixed, userKey, this.home.current.keyGroup)
  }

  #inner(): RecordMap | undefined {
    const { current, store } = this.home
    const found = this.#found
    if (this.#foundSerial === current.serial && found?.isDetached === false && found.number >= 0) return found
    this.#foundSerial = current.serial
    this.#found = this.innerOf(current.mixed, current.key)
    if (this.#found === undefined && !store.indexesAll) {
      this.#found = this.uncachedInner(current.mixed, current.key, current.keyGroup)
    }
    return this.#found
  }

  #create(): RecordMap {
    const { mixed, key } = this.home.current
    this.#found = this.createInner(mixed, key)
    return this.#found
  }

  #hash(userKey: K): number {
    return mixHash(hashEntryKey(userKey, this.home.current.keyGroup))
  }
}
