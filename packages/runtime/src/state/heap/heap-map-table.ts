/** Entries per key: an outer map by key, per key group, whose entries hold an inner map by user key. */
import { canonicalKey, type MapKey, type MapTable, toMapKey } from '@millrace/core'
import { EntryMap } from './entry-map.ts'
import type { RestoredEntry } from './heap-table.ts'
import { ShardedTable } from './sharded-table.ts'

export class HeapMapTable<K, V> extends ShardedTable implements MapTable<K, V> {
  readonly isNested = true

  get(userKey: K): V | undefined {
    const mapKey = toMapKey(userKey)
    const entry = this.#inner()?.find(mapKey)
    if (!this.isVisible(mapKey, entry)) return undefined
    this.home.tracker.beforeRead(entry)
    return entry.value as V
  }

  has(userKey: K): boolean {
    const mapKey = toMapKey(userKey)
    return this.isVisible(mapKey, this.#inner()?.find(mapKey))
  }

  put(userKey: K, value: V): void {
    const { key, keyGroup, mapKey: outerMapKey } = this.home.current
    const inner = this.#inner() ?? this.#createInner(outerMapKey, key, keyGroup, this.home.tracker.epoch)
    const mapKey = toMapKey(userKey)
    this.write(inner, mapKey, inner.find(mapKey), userKey, keyGroup, value)
  }

  delete(userKey: K): void {
    const mapKey = toMapKey(userKey)
    const entry = this.#inner()?.find(mapKey)
    if (this.isVisible(mapKey, entry)) this.erase(mapKey, entry)
  }

  *entries(): Generator<[K, V]> {
    const walk = this.#inner()?.walk()
    for (let entry = walk?.next(); entry !== undefined; entry = walk?.next()) {
      if (!this.isVisible(toMapKey(entry.key), entry)) continue
      this.home.tracker.beforeRead(entry)
      yield [entry.key as K, entry.value as V]
    }
  }

  get isEmpty(): boolean {
    const inner = this.#inner()
    if (inner === undefined || inner.live === 0) return true
    if (this.descriptor.ttlMs === undefined) return false
    const walk = inner.walk()
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      if (this.isVisible(toMapKey(entry.key), entry)) return false
    }
    return true
  }

  remove(): void {
    const { keyGroup, mapKey } = this.home.current
    const inner = this.#inner()
    if (inner !== undefined) this.detach(this.shard(keyGroup), mapKey, inner, [keyGroup])
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const mapKey = toMapKey(restored.key)
    const outer = this.shard(keyGroup)
    const inner =
      (outer.find(mapKey)?.value as EntryMap | undefined) ?? this.#createInner(mapKey, restored.key, keyGroup, 0)
    this.restoreInto(inner, restored.sub, keyGroup, restored, restored.value)
  }

  onEmptied(map: EntryMap): void {
    const parent = map.parent
    if (parent === undefined) return
    this.shard(parent.keyGroup).erase(toMapKey(parent.key as MapKey), parent)
    map.detached = true
  }

  #inner(): EntryMap | undefined {
    const { keyGroup, mapKey } = this.home.current
    return this.existingShard(keyGroup)?.find(mapKey)?.value as EntryMap | undefined
  }

  #createInner(mapKey: MapKey, key: unknown, keyGroup: number, epoch: number): EntryMap {
    const parent = this.shard(keyGroup).insert(mapKey, canonicalKey(key), keyGroup, undefined, epoch)
    const inner = new EntryMap(this, parent, epoch)
    parent.value = inner
    return inner
  }
}
