/**
 * A table whose entries are in inner maps, by an outer key: the key in map tables, the namespace in namespaced ones. Outer keys stay in
 * memory, entries need not. Inner maps have numbers, which records carry.
 *
 * Invariant: while a snapshot is open, the number of a map that was taken out is not given to another.
 */
import { canonicalKey, HashIndex, isSameKey } from '@millrace/core'
import { EntryWalk } from './entry-walk.ts'
import { RecordMap } from './record-map.ts'
import { StoreTable } from './store-table.ts'

export abstract class NestedStoreTable extends StoreTable {
  readonly #maps: (RecordMap | undefined)[] = []
  readonly #index = new HashIndex()
  readonly #free: number[] = []
  /** Free when the open snapshot is done. */
  #waiting: number[] = []

  mapAt(inner: number): RecordMap | undefined {
    return this.#maps[inner]
  }

  onEmptied(map: RecordMap): void {
    if (!map.isDetached) this.#takeOut(map)
  }

  override onViewClosed(): void {
    for (const number of this.#waiting) this.#release(number)
    this.#waiting = []
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
    const number = this.#free.pop() ?? this.#maps.length
    const map = new RecordMap(this, number, canonicalKey(outerKey), mixed, this.home.store.epoch)
    this.#maps[number] = map
    this.#index.add(mixed, number)
    return map
  }

  /** Drops an inner map with all that is in it. */
  protected detach(map: RecordMap, keyGroups: readonly number[]): void {
    const { store } = this.home
    if (this.expiry !== undefined) {
      const walk = new EntryWalk(store, map)
      for (let entry = walk.next(); entry !== undefined; entry = walk.next()) this.noteGone(entry.writtenAtMs)
    }
    store.clear(map)
    this.#takeOut(map)
    if (map.createdEpoch !== store.epoch) this.drops.push({ outerKey: map.outerKey, keyGroups, epoch: store.epoch })
  }

  *liveMaps(): Generator<RecordMap> {
    for (const map of this.#maps) if (map !== undefined && !map.isDetached) yield map
  }

  #takeOut(map: RecordMap): void {
    map.isDetached = true
    this.#index.remove(map.outerHash, map.number)
    if (this.home.store.isViewOpen) this.#waiting.push(map.number)
    else this.#release(map.number)
  }

  #release(number: number): void {
    this.#maps[number] = undefined
    this.#free.push(number)
  }
}
