/** Entries per key: an inner map for each key, by user key. */
import { canonicalKey, type MapTable, mixHash } from '@millrace/core'
import { hashEntryKey } from '../heap/entry-map.ts'
import type { RestoredEntry } from '../restored-group.ts'
import type { Entry } from './entry-cache.ts'
import { EntryWalk } from './entry-walk.ts'
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
    const entry = store.find(inner, mixed, userKey)
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
    const walk = new EntryWalk(this.home.store, inner)
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      if (!this.isReadable(entry)) continue
      const key = entry.key as K
      yield [key, this.read(entry) as V]
    }
  }

  get isEmpty(): boolean {
    const inner = this.#inner()
    if (inner === undefined || inner.live === 0) return true
    if (this.expiry === undefined) return false
    const walk = new EntryWalk(this.home.store, inner)
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) if (this.isReadable(entry)) return false
    return true
  }

  remove(): void {
    const inner = this.#inner()
    if (inner !== undefined) this.detach(inner, [this.home.current.keyGroup])
  }

  restoreEntry(keyGroup: number, { key, sub, value, writtenAtMs }: RestoredEntry): void {
    const outer = mixHash(hashEntryKey(key, keyGroup))
    const inner = this.innerOf(outer, key) ?? this.createInner(outer, key)
    const mixed = mixHash(hashEntryKey(sub, keyGroup))
    this.home.store.write(inner, undefined, mixed, canonicalKey(sub), keyGroup, value, writtenAtMs)
  }

  #entry(userKey: K): Entry | undefined {
    const mixed = this.#hash(userKey)
    const inner = this.#inner()
    return inner === undefined ? undefined : this.home.store.find(inner, mixed, userKey)
  }

  #inner(): RecordMap | undefined {
    const { current } = this.home
    if (this.#foundSerial === current.serial && this.#found?.isDetached === false) return this.#found
    this.#foundSerial = current.serial
    this.#found = this.innerOf(current.mixed, current.key)
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
