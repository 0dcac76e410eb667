/**
 * State by namespace, then key: an inner map for each namespace, of all key groups together. The namespaces themselves
 * stay in memory, and a queue knows the smallest.
 *
 * Invariant: exactly the numbers of namespaces that have live entries are in the queue.
 */
import { canonicalKey, hashKey, mixHash, type NamespaceCursor, type NamespacedTable } from '@millrace/core'
import { hashEntryKey } from '../entry-hash.ts'
import type { RestoredEntry } from '../restored-group.ts'
import { RowQueue } from '../row-queue.ts'
import type { Entry } from './entry-cache.ts'
import type { MapWalk } from './entry-store.ts'
import { NestedStoreTable } from './nested-store-table.ts'
import type { RecordMap } from './record-map.ts'

/** Up to so many key groups of a namespace are in a list. */
const GROUPS_LISTED_MAX = 8

export class StoreNamespacedTable<V> extends NestedStoreTable implements NamespacedTable<V> {
  readonly #queue = new RowQueue()
  #sorted: readonly number[] | undefined
  #last: RecordMap | undefined
  #lastNamespace = Number.NaN
  #foundSerial = -1
  #foundIn: RecordMap | undefined
  #found: Entry | undefined

  protected get likelyMap(): RecordMap | undefined {
    return this.#last?.isDetached === false ? this.#last : undefined
  }

  get(namespace: number): V | undefined {
    const entry = this.#entry(namespace)
    return this.isVisible(entry) ? (entry.value as V) : undefined
  }

  put(namespace: number, value: V): void {
    const { key, keyGroup, mixed } = this.home.current
    const inner = this.#inner(namespace) ?? this.#create(namespace)
    const isFirst = inner.live === 0
    const found = this.#find(inner)
    const kept = found === undefined ? canonicalKey(key) : found.key
    this.#found = this.home.store.write(inner, found, mixed, kept, keyGroup, value, undefined)
    if (found === undefined) this.#noteGroup(inner, keyGroup)
    if (isFirst) this.#onNamespaceLive(inner)
  }

  remove(namespace: number): void {
    const inner = this.#inner(namespace)
    const entry = inner === undefined ? undefined : this.#find(inner)
    if (inner === undefined || !this.isVisible(entry)) return
    this.home.store.erase(entry)
    this.#foundSerial = -1
    if (inner.live === 0) this.#onNamespaceGone(inner)
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
    const inner = this.#inner(namespace)
    return new StoreNamespaceCursor<V>(inner === undefined ? undefined : this.home.store.walk(inner))
  }

  dropNamespace(namespace: number): void {
    const inner = this.#inner(namespace)
    if (inner === undefined) return
    // Its number may be given to another with the next call.
    if (inner.live > 0) this.#onNamespaceGone(inner)
    this.detach(inner, this.#groupsOf(inner))
  }

  mapFor(outerKey: unknown): RecordMap {
    const namespace = outerKey as number
    return this.#inner(namespace) ?? this.#create(namespace)
  }

  restoreEntry(keyGroup: number, { key, sub, value }: RestoredEntry): void {
    const namespace = sub as number
    const inner = this.#inner(namespace) ?? this.#create(namespace)
    const isFirst = inner.live === 0
    const mixed = mixHash(hashEntryKey(key, keyGroup))
    this.home.store.write(inner, undefined, mixed, canonicalKey(key), keyGroup, value, undefined)
    this.#noteGroup(inner, keyGroup)
    if (isFirst) this.#onNamespaceLive(inner)
  }

  #entry(namespace: number): Entry | undefined {
    const inner = this.#inner(namespace)
    return inner === undefined ? undefined : this.#find(inner)
  }

  #inner(namespace: number): RecordMap | undefined {
    if (namespace === this.#lastNamespace && this.#last?.isDetached === false) return this.#last
    const inner = this.innerOf(mixHash(hashKey(namespace)), namespace)
    if (inner === undefined) return undefined
    this.#lastNamespace = namespace
    this.#last = inner
    return inner
  }

  #find(inner: RecordMap): Entry | undefined {
    const { current, store } = this.home
    const isKnown = this.#foundSerial === current.serial && this.#foundIn === inner
    if (isKnown && (this.#found === undefined || this.#found.row >= 0)) return this.#found
    this.#foundSerial = current.serial
    this.#foundIn = inner
    this.lookUps++
    this.#found = store.find(inner, current.mixed, current.key, current.keyGroup)
    return this.#found
  }

  #create(namespace: number): RecordMap {
    // −0 and 0 are one namespace.
    return this.createInner(mixHash(hashKey(namespace)), namespace + 0)
  }

  #onNamespaceLive({ number, outerKey }: RecordMap): void {
    this.#sorted = undefined
    this.#queue.add(number, outerKey as number)
  }

  #onNamespaceGone({ number }: RecordMap): void {
    this.#sorted = undefined
    this.#queue.remove(number)
  }

  #noteGroup(inner: RecordMap, keyGroup: number): void {
    const { firstGroup, groupCount } = this.home
    const { groups } = inner
    if (!Array.isArray(groups)) {
      groups[keyGroup - firstGroup] = 1
    } else if (!groups.includes(keyGroup)) {
      groups.push(keyGroup)
      if (groups.length <= GROUPS_LISTED_MAX) return
      const seen = new Uint8Array(groupCount)
      for (const group of groups) seen[group - firstGroup] = 1
      inner.groups = seen
    }
  }

  #groupsOf({ groups }: RecordMap): readonly number[] {
    if (Array.isArray(groups)) return groups
    const listed: number[] = []
    groups.forEach((seen, index) => {
      if (seen === 1) listed.push(this.home.firstGroup + index)
    })
    return listed
  }
}

class StoreNamespaceCursor<V> implements NamespaceCursor<V> {
  readonly #walk: MapWalk | undefined
  #entry: Entry | undefined

  constructor(walk: MapWalk | undefined) {
    this.#walk = walk
  }

  get key(): unknown {
    return this.#entry?.key
  }

  get keyGroup(): number {
    return this.#entry?.keyGroup ?? -1
  }

  get value(): V {
    return this.#entry?.value as V
  }

  next(): boolean {
    this.#entry = this.#walk?.next()
    return this.#entry !== undefined
  }
}
