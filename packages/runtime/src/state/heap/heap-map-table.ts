/** Entries per key: an outer map by key, whose entries hold an inner map by user key. */
import type { MapTable } from '@millrace/core'
import { hashEntryKey } from '../entry-hash.ts'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, EntryMap, type ParentEntry } from './entry-map.ts'
import { KeyedTable } from './keyed-table.ts'

export class HeapMapTable<K, V> extends KeyedTable implements MapTable<K, V> {
  readonly isNested = true

  get(userKey: K): V | undefined {
    const hash = this.#hash(userKey)
    const inner = this.#inner()
    if (inner === undefined) return undefined
    return this.read(inner, inner.find(hash, userKey)) as V | undefined
  }

  has(userKey: K): boolean {
    const hash = this.#hash(userKey)
    const inner = this.#inner()
    if (inner === undefined) return false
    const row = inner.find(hash, userKey)
    if (!this.isReadable(inner, row)) return false
    if (this.expiry?.renewsOnRead === true && !this.hasExpired(inner.partOf(row).writtenAtMs(atOf(row))))
      this.renew(inner, row)
    return true
  }

  put(userKey: K, value: V): void {
    const hash = this.#hash(userKey)
    const { keyGroup } = this.home.current
    const inner = this.#inner() ?? this.#createForCurrent()
    this.write(inner, inner.find(hash, userKey), hash, userKey, keyGroup, value)
  }

  delete(userKey: K): void {
    const hash = this.#hash(userKey)
    const inner = this.#inner()
    if (inner === undefined) return
    const row = inner.find(hash, userKey)
    if (this.isVisible(inner, row)) this.erase(inner, row)
  }

  *entries(): Generator<[K, V]> {
    const inner = this.#inner()
    if (inner === undefined) return
    const walk = inner.walk()
    for (let row = walk.next(); row >= 0; row = walk.next()) {
      if (!this.isReadable(inner, row)) continue
      const key = inner.key(row) as K
      yield [key, this.read(inner, row) as V]
    }
  }

  get isEmpty(): boolean {
    const inner = this.#inner()
    if (inner === undefined || inner.live === 0) return true
    if (this.expiry === undefined) return false
    const walk = inner.walk()
    for (let row = walk.next(); row >= 0; row = walk.next()) if (this.isReadable(inner, row)) return false
    return true
  }

  remove(): void {
    const inner = this.#inner()
    if (inner !== undefined) this.detach(inner, [this.home.current.keyGroup])
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const hash = hashEntryKey(restored.key, keyGroup)
    const inner = this.#innerAt(this.map.find(hash, restored.key)) ?? this.#createInner(hash, restored.key, keyGroup, 0)
    this.restoreInto(inner, restored.sub, keyGroup, restored.writtenAtMs, restored.value)
  }

  onEmptied(map: EntryMap): void {
    if (map.parent !== undefined) this.takeOut(map)
  }

  #inner(): EntryMap | undefined {
    return this.#innerAt(this.find())
  }

  #innerAt(row: number): EntryMap | undefined {
    return row < 0 ? undefined : (this.map.value(row) as EntryMap)
  }

  #hash(userKey: K): number {
    return hashEntryKey(userKey, this.home.current.keyGroup)
  }

  #createForCurrent(): EntryMap {
    const { key, keyGroup, hash } = this.home.current
    const inner = this.#createInner(hash, key, keyGroup, this.home.tracker.epoch)
    this.noteFound((inner.parent as ParentEntry).row)
    return inner
  }

  #createInner(hash: number, key: unknown, keyGroup: number, epoch: number): EntryMap {
    const outer = this.map
    const row = outer.insert(hash, key, keyGroup, undefined, epoch)
    const inner = new EntryMap(this, { map: outer, row, key: outer.key(row) }, epoch)
    outer.setValue(row, inner)
    return inner
  }
}
