/**
 * State by namespace, then key: an outer map by namespace whose entries hold an inner map by key, of all key groups
 * together. A queue knows the smallest namespace; it may hold namespaces that have become empty, which are taken out
 * when they come to its top, or all at once when they are the most of it.
 */
import type { NamespaceCursor, NamespacedTable, TableDescriptor } from '@millrace/core'
import { DELETED, type Entry, EntryMap, type EntryWalk } from './entry-map.ts'
import { HeapTable, type RestoredEntry, type TableHome } from './heap-table.ts'
import { NamespaceQueue } from './namespace-queue.ts'

/** With fewer entries than this, the key groups of a namespace are found by looking at all of them. */
const GROUPS_SEEN_FROM_ENTRIES = 64
const QUEUE_STALE_MIN = 1_024

export class HeapNamespacedTable<V> extends HeapTable implements NamespacedTable<V> {
  readonly isNested = true
  readonly #outer: EntryMap
  readonly #queue = new NamespaceQueue()
  /** Namespaces with live entries. */
  #liveNamespaces = 0
  #sorted: readonly number[] | undefined
  #lastNamespace = Number.NaN
  #lastInner: EntryMap | undefined
  #foundSerial = -1
  #foundIn: EntryMap | undefined
  #found: Entry | undefined

  constructor(descriptor: TableDescriptor, home: TableHome) {
    super(descriptor, home)
    this.#outer = new EntryMap(this, undefined, home.tracker.epoch)
  }

  *maps(): Generator<{ map: EntryMap; keyGroup: undefined }> {
    yield { map: this.#outer, keyGroup: undefined }
  }

  get(namespace: number): V | undefined {
    const inner = this.#inner(namespace)
    if (inner === undefined) return undefined
    const entry = this.#find(inner)
    if (!this.isVisible(this.home.current.mapKey, entry)) return undefined
    this.home.tracker.beforeRead(entry)
    return entry.value as V
  }

  put(namespace: number, value: V): void {
    const { key, keyGroup, mapKey } = this.home.current
    const inner = this.#inner(namespace) ?? this.#createInner(namespace, this.home.tracker.epoch)
    const isFirst = inner.live === 0
    const found = this.#find(inner)
    this.#found = this.write(inner, mapKey, found, key, keyGroup, value)
    if (found === undefined) this.#noteGroup(inner, keyGroup)
    if (isFirst) this.#onNamespaceLive(inner, namespace)
  }

  remove(namespace: number): void {
    const inner = this.#inner(namespace)
    if (inner === undefined) return
    const entry = this.#find(inner)
    if (!this.isVisible(this.home.current.mapKey, entry)) return
    this.erase(this.home.current.mapKey, entry)
    if (inner.live === 0) this.#onNamespaceGone()
  }

  firstNamespace(): number | undefined {
    const queue = this.#queue
    for (let first = queue.peek(); first !== undefined; first = queue.peek()) {
      const inner = this.#inner(first)
      if (inner !== undefined && inner.live > 0) return first
      queue.pop()
      if (inner !== undefined) inner.queued = false
    }
    return undefined
  }

  namespaces(): readonly number[] {
    if (this.#sorted === undefined) {
      const namespaces: number[] = []
      for (const { namespace } of this.#live()) namespaces.push(namespace)
      this.#sorted = namespaces.sort((a, b) => a - b)
    }
    return this.#sorted
  }

  size(namespace: number): number {
    return this.#inner(namespace)?.live ?? 0
  }

  cursor(namespace: number): NamespaceCursor<V> {
    return new HeapNamespaceCursor<V>(this.#inner(namespace)?.walk(), (entry) => this.home.tracker.beforeRead(entry))
  }

  dropNamespace(namespace: number): void {
    const inner = this.#inner(namespace)
    if (inner === undefined) return
    const wasLive = inner.live > 0
    this.detach(this.#outer, namespace, inner, this.#groupsOf(inner))
    if (wasLive) this.#onNamespaceGone()
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    const namespace = restored.sub as number
    const inner = this.#inner(namespace) ?? this.#createInner(namespace, 0)
    const isFirst = inner.live === 0
    this.restoreInto(inner, restored.key, keyGroup, restored, restored.value)
    this.#noteGroup(inner, keyGroup)
    if (isFirst) this.#onNamespaceLive(inner, namespace)
  }

  onEmptied(map: EntryMap): void {
    const parent = map.parent
    if (parent === undefined) return
    this.#outer.erase(parent.key as number, parent)
    map.detached = true
  }

  #inner(namespace: number): EntryMap | undefined {
    if (namespace === this.#lastNamespace && this.#lastInner?.detached === false) return this.#lastInner
    const inner = this.#outer.find(namespace)?.value as EntryMap | undefined
    if (inner === undefined) return undefined
    this.#lastNamespace = namespace
    this.#lastInner = inner
    return inner
  }

  #find(inner: EntryMap): Entry | undefined {
    const current = this.home.current
    if (this.#foundSerial === current.serial && this.#foundIn === inner) return this.#found
    this.#foundSerial = current.serial
    this.#foundIn = inner
    this.#found = inner.find(current.mapKey)
    return this.#found
  }

  #createInner(namespace: number, epoch: number): EntryMap {
    // −0 and 0 are one namespace.
    const parent = this.#outer.insert(namespace + 0, namespace + 0, -1, undefined, epoch)
    const inner = new EntryMap(this, parent, epoch)
    parent.value = inner
    return inner
  }

  #onNamespaceLive(inner: EntryMap, namespace: number): void {
    this.#liveNamespaces++
    this.#sorted = undefined
    if (inner.queued) return
    inner.queued = true
    this.#queue.push(namespace)
    if (this.#queue.size > this.#liveNamespaces * 2 + QUEUE_STALE_MIN) this.#rebuildQueue()
  }

  #onNamespaceGone(): void {
    this.#liveNamespaces--
    this.#sorted = undefined
  }

  #rebuildQueue(): void {
    this.#queue.clear()
    const walk = this.#outer.walk()
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      if (entry.value === DELETED) continue
      const inner = entry.value as EntryMap
      inner.queued = inner.live > 0
      if (inner.queued) this.#queue.push(entry.key as number)
    }
  }

  *#live(): Generator<{ namespace: number; inner: EntryMap }> {
    const walk = this.#outer.walk()
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      if (entry.value === DELETED) continue
      const inner = entry.value as EntryMap
      if (inner.live > 0) yield { namespace: entry.key as number, inner }
    }
  }

  #noteGroup(inner: EntryMap, keyGroup: number): void {
    if (inner.groupsSeen !== undefined) {
      inner.groupsSeen[keyGroup - this.home.firstGroup] = 1
    } else if (inner.live + inner.deleted > GROUPS_SEEN_FROM_ENTRIES) {
      const seen = new Uint8Array(this.home.groupCount)
      const walk = inner.walk()
      for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
        seen[entry.keyGroup - this.home.firstGroup] = 1
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
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) groups.add(entry.keyGroup)
    return [...groups]
  }
}

class HeapNamespaceCursor<V> implements NamespaceCursor<V> {
  readonly #walk: EntryWalk | undefined
  readonly #beforeRead: (entry: Entry) => void
  key: unknown
  keyGroup = -1
  #value: unknown

  constructor(walk: EntryWalk | undefined, beforeRead: (entry: Entry) => void) {
    this.#walk = walk
    this.#beforeRead = beforeRead
  }

  get value(): V {
    return this.#value as V
  }

  next(): boolean {
    if (this.#walk === undefined) return false
    for (let entry = this.#walk.next(); entry !== undefined; entry = this.#walk.next()) {
      if (entry.value === DELETED) continue
      this.#beforeRead(entry)
      this.key = entry.key
      this.keyGroup = entry.keyGroup
      this.#value = entry.value
      return true
    }
    return false
  }
}
