/**
 * State by namespace, then key: an outer map by namespace whose entries hold an inner map by key, of all key groups
 * together. A queue knows the smallest namespace.
 *
 * Invariant: exactly the rows of namespaces that have live entries are in the queue.
 */
import { hashKey, type NamespaceCursor, type NamespacedTable } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { RowQueue } from '../row-queue.ts'
import type { ChangeTracker } from './change-tracker.ts'
import { atOf, EntryMap, type EntryWalk, type ParentEntry } from './entry-map.ts'
import type { ExpectedRoom } from './entry-rows.ts'
import { HeapTable } from './heap-table.ts'

/** With fewer entries than this, the key groups of a namespace are found by looking at all of them. */
const GROUPS_SEEN_FROM_ENTRIES = 64
/** With more namespaces than this none gets room for more than it has: together that could be much, and no guess is that good. */
const EXPECTING_NAMESPACES_MAX = 16

export class HeapNamespacedTable<V> extends HeapTable implements NamespacedTable<V> {
  readonly isNested = true
  readonly #queue = new RowQueue()
  #sorted: readonly number[] | undefined
  #lastNamespace = Number.NaN
  #lastInner: EntryMap | undefined
  /** Entries of the last two namespaces that were dropped: the next will have as many, as one window has as many keys as another. */
  #droppedEntries = 0
  #droppedEntriesBefore = 0
  #lastRoom: ExpectedRoom | undefined
  #foundSerial = -1
  #foundIn: EntryMap | undefined
  #found = -1

  protected get likelyMap(): EntryMap | undefined {
    return this.#lastInner?.detached === false ? this.#lastInner : undefined
  }

  get(namespace: number): V | undefined {
    const inner = this.#inner(namespace)
    if (inner === undefined) return undefined
    const row = this.#find(inner)
    if (!this.isVisible(inner, row)) return undefined
    this.home.tracker.beforeRead(inner, row)
    return inner.value(row) as V
  }

  put(namespace: number, value: V): void {
    const { key, keyGroup, hash } = this.home.current
    const inner = this.#inner(namespace) ?? this.#createInner(namespace, this.home.tracker.epoch)
    const isFirst = inner.live === 0
    const found = this.#find(inner)
    this.#found = this.write(inner, found, hash, key, keyGroup, value)
    if (found < 0) this.#noteGroup(inner, keyGroup)
    if (isFirst) this.#onNamespaceLive(inner)
  }

  remove(namespace: number): void {
    const inner = this.#inner(namespace)
    if (inner === undefined) return
    const row = this.#find(inner)
    if (this.isVisible(inner, row)) this.erase(inner, row)
  }

  firstNamespace(): number | undefined {
    return this.#queue.first
  }

  namespaces(): readonly number[] {
    this.#sorted ??= this.#queue.numbers
    return this.#sorted
  }

  size(namespace: number): number {
    return this.#inner(namespace)?.live ?? 0
  }

  cursor(namespace: number): NamespaceCursor<V> {
    return new HeapNamespaceCursor<V>(this.#inner(namespace), this.home.tracker)
  }

  dropNamespace(namespace: number): void {
    const inner = this.#inner(namespace)
    if (inner === undefined) return
    this.#droppedEntriesBefore = this.#droppedEntries
    this.#droppedEntries = inner.live
    if (inner.live > 0) this.#onNamespaceGone(inner)
    this.detach(inner, this.#groupsOf(inner))
    // A snapshot that is being encoded may still have to read it, and so has who takes its times back.
    if (this.home.tracker.open === undefined && this.expiry === undefined) inner.release()
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const namespace = restored.sub as number
    const inner = this.#inner(namespace) ?? this.#createInner(namespace, 0)
    const isFirst = inner.live === 0
    this.restoreInto(inner, restored.key, keyGroup, restored.writtenAtMs, restored.value)
    this.#noteGroup(inner, keyGroup)
    if (isFirst) this.#onNamespaceLive(inner)
  }

  onEmptied(map: EntryMap): void {
    if (map.parent !== undefined) this.takeOut(map)
  }

  protected override erase(map: EntryMap, row: number): void {
    super.erase(map, row)
    if (map.live === 0) this.#onNamespaceGone(map)
  }

  #room(): ExpectedRoom {
    const hasMany = this.#queue.size >= EXPECTING_NAMESPACES_MAX
    const entries = hasMany ? 0 : Math.min(this.#droppedEntries, this.#droppedEntriesBefore)
    // Namespaces of a few entries may be many: they share what is known.
    if (entries !== this.#lastRoom?.entries) this.#lastRoom = { entries, buffers: this.home.buffers }
    return this.#lastRoom
  }

  #inner(namespace: number): EntryMap | undefined {
    if (namespace === this.#lastNamespace && this.#lastInner?.detached === false) return this.#lastInner
    const row = this.map.find(hashKey(namespace), namespace)
    if (row < 0) return undefined
    const inner = this.map.value(row) as EntryMap
    this.#lastNamespace = namespace
    this.#lastInner = inner
    return inner
  }

  #find(inner: EntryMap): number {
    const current = this.home.current
    if (this.#foundSerial === current.serial && this.#foundIn === inner) return this.#found
    this.#foundSerial = current.serial
    this.#foundIn = inner
    this.lookUps++
    this.#found = inner.find(current.hash, current.key)
    return this.#found
  }

  #createInner(namespace: number, epoch: number): EntryMap {
    const row = this.map.insert(hashKey(namespace), namespace, -1, undefined, epoch)
    // −0 and 0 are one namespace.
    const inner = new EntryMap(this, { map: this.map, row, key: namespace + 0 }, epoch, this.#room())
    this.map.setValue(row, inner)
    return inner
  }

  #onNamespaceLive(inner: EntryMap): void {
    const { row, key } = inner.parent as ParentEntry
    this.#sorted = undefined
    this.#queue.add(row, key as number)
  }

  #onNamespaceGone(inner: EntryMap): void {
    this.#sorted = undefined
    this.#queue.remove((inner.parent as ParentEntry).row)
  }

  #noteGroup(inner: EntryMap, keyGroup: number): void {
    if (inner.groupsSeen !== undefined) {
      inner.groupsSeen[keyGroup - this.home.firstGroup] = 1
    } else if (inner.live + inner.deleted > GROUPS_SEEN_FROM_ENTRIES) {
      const seen = new Uint8Array(this.home.groupCount)
      const walk = inner.walk()
      for (let row = walk.next(); row >= 0; row = walk.next()) {
        seen[inner.partOf(row).keyGroup(atOf(row)) - this.home.firstGroup] = 1
      }
      inner.groupsSeen = seen
    }
  }

  #groupsOf(inner: EntryMap): number[] {
    const first = this.home.firstGroup
    if (inner.groupsSeen !== undefined) {
      const groups: number[] = []
      inner.groupsSeen.forEach((seen, index) => {
        if (seen === 1) groups.push(first + index)
      })
      return groups
    }
    const groups = new Set<number>()
    const walk = inner.walk()
    for (let row = walk.next(); row >= 0; row = walk.next()) groups.add(inner.partOf(row).keyGroup(atOf(row)))
    return [...groups]
  }
}

class HeapNamespaceCursor<V> implements NamespaceCursor<V> {
  readonly #map: EntryMap | undefined
  readonly #walk: EntryWalk | undefined
  readonly #tracker: ChangeTracker
  key: unknown
  keyGroup = -1
  #value: unknown

  constructor(map: EntryMap | undefined, tracker: ChangeTracker) {
    this.#map = map
    this.#walk = map?.walk()
    this.#tracker = tracker
  }

  get value(): V {
    return this.#value as V
  }

  next(): boolean {
    const walk = this.#walk
    const map = this.#map
    if (walk === undefined || map === undefined) return false
    for (let row = walk.next(); row >= 0; row = walk.next()) {
      const part = map.partOf(row)
      const at = atOf(row)
      if (!part.isLive(at)) continue
      this.#tracker.beforeRead(map, row)
      this.key = part.key(at)
      this.keyGroup = part.keyGroup(at)
      this.#value = part.value(at)
      return true
    }
    return false
  }
}
