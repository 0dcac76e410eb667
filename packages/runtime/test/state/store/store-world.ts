/** What tests need of a store on the disk, whichever it is, and the tables that they use. */
import {
  encodeWhole,
  hashKey,
  keyGroupOf,
  type MapTable,
  type NamespacedTable,
  type TableDescriptor,
  type ValueTable,
} from '@millrace/core'
import { OpenChainsSnapshot, type SegmentChains } from '@millrace/testing'
import type { NestedStoreTable } from '../../../src/state/store/nested-store-table.ts'
import type { StoreStateBackend, StoreStateBackendOptions } from '../../../src/state/store/store-state-backend.ts'

export const GROUPS = 8

/** Makes backends over one kind of store, and troubles what is beneath them. */
export interface StoreWorld {
  open(options: Pick<StoreStateBackendOptions, 'cacheBytes' | 'now'>): StoreStateBackend
  /** Byte of each record that a look-up reads in which a bit changes; −1: none. */
  damageAt: number
  /** Nothing can be written any more. */
  isFull: boolean
  /** So much was read from the store since the world was made. */
  readonly readBytes: number
}

/** For the common part of the options. */
export function storeOptions({
  cacheBytes,
  now,
}: Pick<StoreStateBackendOptions, 'cacheBytes' | 'now'>): StoreStateBackendOptions {
  return {
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    now,
    monotonicMs: () => 0,
    cacheBytes,
    cachedEntriesMin: 1,
    encodeStepEntries: 1,
  }
}

/** A backend with so much cache, at a time that stands still. */
export function openIn(world: StoreWorld, cacheBytes: number | (() => number)): StoreStateBackend {
  return world.open({ cacheBytes: typeof cacheBytes === 'number' ? () => cacheBytes : cacheBytes, now: () => 0 })
}

export interface Value {
  readonly key: number
  readonly round: number
  readonly text: string
}

export const DESCRIPTOR: TableDescriptor = {
  operatorUid: 'op',
  name: 'v',
  kind: 'value',
  version: 1,
  ttlMs: undefined,
}

export function values(backend: StoreStateBackend): ValueTable<Value> {
  return backend.valueTable(DESCRIPTOR)
}

export function maps<K, V>(backend: StoreStateBackend, ttlMs?: number): MapTable<K, V> {
  return backend.mapTable({ ...DESCRIPTOR, name: 'm', kind: 'map', ttlMs })
}

export function windows(backend: StoreStateBackend): NamespacedTable<number> {
  return backend.namespacedTable({ ...DESCRIPTOR, name: 'w', kind: 'namespaced' })
}

/** A table as the store has it. */
export function nested(table: object): NestedStoreTable {
  return table as NestedStoreTable
}

export function select(backend: StoreStateBackend, key: unknown): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}

export function put(backend: StoreStateBackend, table: ValueTable<Value>, key: number, round = 0): void {
  select(backend, key)
  table.put({ key, round, text: 'some text' })
}

/** Takes a whole snapshot; returns how many entries it has. */
export function snapshot(backend: StoreStateBackend, id: number, kind: 'base' | 'delta'): number {
  return encodeWhole(backend.beginSnapshot(id, () => kind)).reduce((sum, { entries }) => sum + entries, 0)
}

export function chains(backend: StoreStateBackend, earlier: SegmentChains, id: number): SegmentChains {
  return new OpenChainsSnapshot(backend, earlier, id, 3).finish()
}

/** A backend with what is in the chains. */
export function restoredIn(world: StoreWorld, from: SegmentChains, cacheBytes: number): StoreStateBackend {
  const backend = openIn(world, cacheBytes)
  from.restoreInto(backend)
  return backend
}

/** Does all that is left to do of what was removed. */
export function clearAll(backend: StoreStateBackend): void {
  while (backend.store.hasLeftovers) backend.sweepExpired(1_000)
}

/** By name of the table. */
export function entriesOf(backend: StoreStateBackend): Readonly<Record<string, number>> {
  return Object.fromEntries(backend.usage().map(({ name, entries }) => [name, entries]))
}

export function sorted<K, V>(entries: Iterable<readonly [K, V]>): readonly (readonly [K, V])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** There are some in so many of any kind. */
export function keysOfOneHash(): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const key = `key ${i}`
    const earlier = seen.get(hashKey(key))
    if (earlier !== undefined) return [earlier, key]
    seen.set(hashKey(key), key)
  }
}
