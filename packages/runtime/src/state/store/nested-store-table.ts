/**
 * A table whose entries are in inner maps, by an outer key: the key in map tables, the namespace in namespaced ones. Entries need
 * not be in memory; outer keys are, except those of map tables in a store that does not index all entries: there a map is known as
 * long as entries of it are in the cache, and who held it across other calls asks for it again (`mapFor`).
 *
 * Invariants: there is one known map for an outer key. Inner maps have numbers, which records of the log carry; that of a map which was
 * taken out is not given to another as long as an open snapshot may have records of it, or the store has not taken out all of them.
 */
import { canonicalKey, HashIndex, isSameKey } from '@millrace/core'
import { RecordMap } from './record-map.ts'
import { StoreTable } from './store-table.ts'

export abstract class NestedStoreTable extends StoreTable {
  readonly #maps: (RecordMap | undefined)[] = []
  readonly #index = new HashIndex()
  readonly #free: number[] = []
  /** Taken out, with numbers that are not free yet. */
  readonly #retired = new Set<RecordMap>()

  mapAt(inner: number): RecordMap | undefined {
    return this.#maps[inner]
  }

  onFirst(map: RecordMap): void {
    if (map.number < 0) this.#takeIn(map)
  }

  onEmptied(map: RecordMap): void {
    if (map.isDetached || (map.isCounted && map.live > 0)) return
    if (map.isCounted) this.#takeOut(map)
    else this.#forget(map)
  }

  override onViewClosed(): void {
    for (const map of this.#retired) if (map.size === 0) this.#retire(map)
  }

  override onCleared(map: RecordMap): void {
    if (!this.home.store.isViewOpen) this.#retire(map)
  }

  /** By the mixed hash of the outer key. */
  protected innerOf(mixed: number, outerKey: unknown): RecordMap | undefined {
    const part = this.#index.partOf(mixed)
    for (let slot = part.first(mixed); ; slot = part.next(slot)) {
      const number = part.rowAt(slot)
      if (number < 0) return undefined
      if (part.hashAt(slot) !== mixed) continue
      const map = this.#maps[number] as RecordMap
      if (isSameKey(map.outerKey, outerKey)) return map
    }
  }

  protected createInner(mixed: number, outerKey: unknown): RecordMap {
    const map = new RecordMap(this, -1, canonicalKey(outerKey), mixed, this.home.store.epoch)
    this.#takeIn(map)
    return map
  }

  /** A map that may have entries in the store, of which none is in the cache. It is known from its first cached entry on. */
  protected uncachedInner(mixed: number, outerKey: unknown, keyGroup: number): RecordMap {
    const map = new RecordMap(this, -1, canonicalKey(outerKey), mixed, -1)
    map.isCounted = false
    map.groups = [keyGroup]
    return map
  }

  /** Drops an inner map with all that is in it. */
  protected detach(inner: RecordMap, keyGroups: readonly number[]): void {
    const { store } = this.home
    const isToBeSaid = store.clear(inner)
    if (inner.isCounted) this.#takeOut(inner)
    else this.#forget(inner)
    if (isToBeSaid) this.drops.add(inner.outerKey, keyGroups, inner.createdEpoch, store)
  }

  *liveMaps(): Generator<RecordMap> {
    for (const map of this.#maps) if (map !== undefined && !map.isDetached) yield map
  }

  #takeIn(map: RecordMap): void {
    const number = this.#free.pop() ?? this.#maps.length
    map.number = number
    this.#maps[number] = map
    this.#index.add(map.outerHash, number)
  }

  #takeOut(map: RecordMap): void {
    const { epoch, isViewOpen } = this.home.store
    map.detach(epoch)
    this.#index.remove(map.outerHash, map.number)
    // One of the current epoch has come since the open snapshot began.
    if (map.size > 0 || (isViewOpen && map.createdEpoch < epoch)) this.#retired.add(map)
    else this.#release(map.number)
  }

  #retire(map: RecordMap): void {
    if (this.#retired.delete(map)) this.#release(map.number)
  }

  /** Nothing of the map is in the cache any more; it may come back under another number. */
  #forget(map: RecordMap): void {
    if (map.number < 0) return
    this.#index.remove(map.outerHash, map.number)
    this.#release(map.number)
    map.number = -1
  }

  #release(number: number): void {
    this.#maps[number] = undefined
    this.#free.push(number)
  }
}
