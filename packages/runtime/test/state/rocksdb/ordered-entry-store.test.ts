/**
 * What the suite of all backends cannot see of the RocksDB backend: what is in memory, what a delta reads, what stays in the
 * database, keys of one hash, and bytes that were damaged.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { encodeWhole, hashKey, keyGroupOf, type MapTable, type NamespacedTable, type ValueTable } from '@millrace/core'
import { OpenChainsSnapshot, openTestDatabase, SeededRandom, SegmentChains, whyNoRocksdb } from '@millrace/testing'
import type { OrderedBatch, OrderedScan, OrderedStore } from '../../../src/state/rocksdb/ordered-store.ts'
import type { RocksdbDatabase } from '../../../src/state/rocksdb/rocksdb-database.ts'
import { RocksdbStateBackend } from '../../../src/state/rocksdb/rocksdb-state-backend.ts'
import type { NestedStoreTable } from '../../../src/state/store/nested-store-table.ts'

const GROUPS = 8
const skip = whyNoRocksdb === undefined ? false : `NOT TESTED: ${whyNoRocksdb}`

describe('RocksDB backend', { skip }, () => {
  let folder: string
  let database: RocksdbDatabase
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-ordered-store-'))
    database = await openTestDatabase(join(folder, 'database'))
  })
  after(async () => {
    await database.close()
    rmSync(folder, { recursive: true })
  })

  it('holds state many times its cache, which keeps its budget', () => {
    const cacheBytes = 256 * 1024
    const backend = open(database, cacheBytes)
    const table = values(backend)
    // No factor of theirs is in the orders below.
    const keys = 20_011
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < keys; i++) {
        const key = (i * (2 * round + 1) * 7_919) % keys
        select(backend, key)
        const value = table.get()
        assert.deepEqual(value, round === 0 ? undefined : { key, round: round - 1, text: 'x'.repeat(40) })
        table.put({ key, round, text: 'x'.repeat(40) })
        assert.ok(backend.store.cache.bytes <= cacheBytes + 2_048, `${backend.store.cache.bytes} bytes in the cache`)
      }
    }
    const { entries, bytesEstimate } = backend.usage()[0] as { entries: number; bytesEstimate: number }
    assert.equal(entries, keys)
    assert.ok(bytesEstimate > 5 * cacheBytes)
    backend.close()
  })

  it('knows the maps of those keys only that have entries in the cache', () => {
    const backend = open(database, 16 * 1024)
    const table = backend.mapTable<string, number>({ ...DESCRIPTOR, kind: 'map' })
    for (let key = 0; key < 5_000; key++) {
      select(backend, key)
      table.put('a', key)
      table.put('b', -key)
    }
    const known = [...(table as unknown as NestedStoreTable).liveMaps()].length
    assert.ok(known <= backend.store.cache.entries, `${known} maps for ${backend.store.cache.entries} entries`)
    assert.ok(known < 500, `${known} maps`)
    for (let key = 0; key < 5_000; key += 7) {
      select(backend, key)
      assert.deepEqual(
        new Map(table.entries()),
        new Map([
          ['a', key],
          ['b', -key],
        ]),
      )
    }
    backend.close()
  })

  it('reads for a delta what has changed, not all state', () => {
    const counting = new WatchedStore(database)
    const backend = open(counting, 16 * 1024)
    const table = values(backend)
    for (let key = 0; key < 10_000; key++) put(backend, table, key)
    assert.equal(snapshot(backend, 1, 'base'), 10_000)
    assert.ok(counting.rows >= 10_000)
    backend.onCheckpointComplete(1)
    for (let key = 0; key < 20; key++) put(backend, table, key * 100)
    counting.rows = 0
    assert.equal(snapshot(backend, 2, 'delta'), 20)
    assert.ok(counting.rows <= 60, `${counting.rows} rows for 20 changes`)
    backend.close()
  })

  it('reads of a base those key groups that get one', () => {
    const counting = new WatchedStore(database)
    const backend = open(counting, 16 * 1024)
    const table = values(backend)
    for (let key = 0; key < 8_000; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    counting.rows = 0
    const begun = backend.beginSnapshot(2, (_uid, keyGroup) => (keyGroup === 3 ? 'base' : 'delta'))
    const [piece, ...others] = encodeWhole(begun)
    assert.deepEqual([piece?.keyGroup, piece?.kind, others.length], [3, 'base', 0])
    assert.ok(counting.rows < 2_000, `${counting.rows} rows for ${piece?.entries} entries`)
    backend.close()
  })

  it('forgets changes and deletions once a completed snapshot has said them', () => {
    const backend = open(database, 4_096)
    const table = values(backend)
    for (let key = 0; key < 500; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let key = 0; key < 500; key++) {
      select(backend, key)
      table.remove()
    }
    assert.equal(snapshot(backend, 2, 'delta'), 500)
    backend.onCheckpointComplete(2)
    assert.equal(snapshot(backend, 3, 'delta'), 0)
    backend.onCheckpointComplete(3)
    put(backend, table, 1)
    backend.store.flush()
    assert.equal(rowsOf(backend, database), 2, 'the entry, and that it has changed')
    snapshot(backend, 4, 'delta')
    backend.onCheckpointComplete(4)
    select(backend, 1)
    table.remove()
    snapshot(backend, 5, 'delta')
    backend.onCheckpointComplete(5)
    put(backend, table, 2)
    backend.store.flush()
    assert.equal(rowsOf(backend, database), 2)
    backend.close()
  })

  it('names a key once however often it is changed while checkpoints fail', () => {
    const backend = open(database, 4_096)
    const table = values(backend)
    // More, so that each key group has a base.
    for (let key = 0; key < 200; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let id = 2; id < 12; id++) {
      for (let key = 0; key < 50; key++) put(backend, table, key)
      snapshot(backend, id, 'delta')
      backend.onCheckpointAborted(id)
    }
    assert.equal(rowsOf(backend, database), 250)
    assert.equal(snapshot(backend, 12, 'delta'), 50)
    backend.close()
  })

  for (const entries of [10, 3_000]) {
    it(`drops a namespace of ${entries} entries, and what comes back is there after a restore`, () => {
      const backend = open(database, 32 * 1024)
      const table = windows(backend)
      for (let key = 0; key < entries; key++) {
        select(backend, key)
        for (const end of [100, 200]) table.put(end, key)
      }
      const base = chains(backend, SegmentChains.EMPTY, 1)
      backend.onCheckpointComplete(1)
      table.dropNamespace(100)
      select(backend, 3)
      assert.equal(table.get(100), undefined)
      table.put(100, 33)
      const delta = chains(backend, base, 2)
      assert.deepEqual([table.namespaces(), table.size(100), table.size(200)], [[100, 200], 1, entries])
      const restored = open(database, 32 * 1024)
      delta.restoreInto(restored)
      const after = windows(restored)
      assert.deepEqual([after.namespaces(), after.size(100), after.size(200)], [[100, 200], 1, entries])
      select(restored, 3)
      assert.equal(after.get(100), 33)
      backend.close()
      restored.close()
    })
  }

  it('writes nothing of a window that comes and goes between two flushes', () => {
    const watched = new WatchedStore(database)
    const backend = open(watched, 1024 ** 2)
    const table = windows(backend)
    for (let key = 0; key < 100; key++) {
      select(backend, key)
      table.put(100, key)
    }
    table.dropNamespace(100)
    backend.store.flush()
    assert.equal(watched.changes, 0)
    assert.equal(rowsOf(backend, database), 0)
    backend.close()
  })

  it('tells keys of one hash apart, whatever is in the cache, in snapshots and after restores', () => {
    const [first, second] = keysOfOneHash()
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed)
      const cacheBytes = random.pick([0, 300, 700, 2_000, 100_000])
      let backend = open(database, cacheBytes)
      let tables = both(backend)
      const model = new Map<string, number>()
      const inner = new Map<string, number>()
      let known = SegmentChains.EMPTY
      const others = ['x', 'y', 'z', 'u', 'v', 'w']
      for (let step = 0; step < 300; step++) {
        const key = random.pick([first, second, first, second, ...others])
        const dice = random.below(100)
        if (dice < 35) {
          select(backend, key)
          tables.value.put({ key: step, round: 0, text: '' })
          model.set(key, step)
          select(backend, 'outer')
          tables.map.put(key, step)
          inner.set(key, step)
        } else if (dice < 60) {
          select(backend, key)
          tables.value.remove()
          model.delete(key)
          select(backend, 'outer')
          tables.map.delete(key)
          inner.delete(key)
        } else if (dice < 70) {
          backend.expectKeys([first, second, ...others].map(hashKey), 0, 8)
        } else if (dice < 75) {
          backend.store.flush()
        } else if (dice < 80) {
          known = chains(backend, known, step + 1)
          if (random.chance(0.7)) backend.onCheckpointComplete(step + 1)
          else {
            // Nothing may build on it.
            backend.onCheckpointAborted(step + 1)
            known = SegmentChains.EMPTY
          }
        } else if (dice < 83) {
          known = chains(backend, SegmentChains.EMPTY, step + 1)
          backend.close()
          backend = open(database, cacheBytes)
          known.restoreInto(backend)
          tables = both(backend)
        } else {
          select(backend, key)
          assert.equal(tables.value.get()?.key, model.get(key), `seed ${seed}, step ${step}`)
          select(backend, 'outer')
          assert.equal(tables.map.get(key), inner.get(key), `seed ${seed}, step ${step}`)
        }
        if (step % 20 === 0) {
          select(backend, 'outer')
          assert.deepEqual(sorted(tables.map.entries()), sorted(inner), `seed ${seed}, step ${step}`)
          const held = Object.fromEntries(backend.usage().map(({ name, entries }) => [name, entries]))
          assert.deepEqual(held, { v: model.size, m: inner.size }, `seed ${seed}, step ${step}`)
        }
      }
      backend.close()
    }
  })

  it('finds a key again though another of its hash was looked for while it was in the cache only', () => {
    const [first, second] = keysOfOneHash()
    const backend = open(database, 1_000)
    const table = values(backend)
    for (let key = 0; key < 20; key++) put(backend, table, key)
    backend.store.flush()
    select(backend, first)
    table.put({ key: 1, round: 1, text: '' })
    select(backend, second)
    assert.equal(table.get(), undefined)
    // It may leave now, and others take its place.
    backend.store.flush()
    for (let key = 0; key < 20; key++) {
      select(backend, key)
      assert.equal(table.get()?.key, key)
    }
    select(backend, first)
    assert.equal(table.get()?.key, 1)
    backend.close()
  })

  it('keeps a namespace whose last entry was deleted just before, when there is less memory all at once', () => {
    /** Looks keys up until the cache has asked what it may hold, which is next to nothing by then, or so many; returns how many. */
    const prepare = (lookUpsMax: number) => {
      let cacheBytes = 1_000
      let asked = 0
      const backend = open(database, () => {
        asked++
        return cacheBytes
      })
      const table = windows(backend)
      const filler = backend.valueTable<number>({ ...DESCRIPTOR, name: 'filler', kind: 'value' })
      select(backend, 'a')
      table.put(100, 1)
      for (let key = 0; key < 400; key++) {
        select(backend, key)
        filler.put(key)
      }
      cacheBytes = 1024 ** 2
      backend.store.flush()
      select(backend, 'a')
      table.remove(100)
      // So that its deletion is written to make room, among others.
      for (let key = 380; key < 400; key++) {
        select(backend, key)
        filler.put(-key)
      }
      assert.equal(backend.store.cache.dirtyEntries, 21)
      cacheBytes = 1_000
      const before = asked
      let lookUps = 0
      while (asked === before && lookUps < lookUpsMax) {
        select(backend, lookUps++)
        filler.get()
      }
      return { backend, table, lookUps }
    }
    const first = prepare(400)
    assert.equal(first.backend.store.cache.dirtyEntries, 0, 'room was made by writing all')
    first.backend.close()
    // The look-up that asked is left out, so the next entry asks.
    const { backend, table } = prepare(first.lookUps - 1)
    assert.equal(backend.store.cache.dirtyEntries, 21)
    select(backend, 'b')
    table.put(100, 2)
    assert.equal(backend.store.cache.dirtyEntries, 1, 'room was made for it by writing the others')
    assert.deepEqual([table.get(100), table.namespaces(), table.size(100)], [2, [100], 1])
    backend.close()
  })

  it('says nothing of maps that no snapshot knows, however often they are filled and removed', () => {
    const backend = open(database, 4_096)
    const table = backend.mapTable<string, number>({ ...DESCRIPTOR, kind: 'map' })
    const fill = (key: unknown): void => {
      select(backend, key)
      for (const userKey of ['a', 'b', 'c']) table.put(userKey, 1)
    }
    const remove = (key: unknown): void => {
      select(backend, key)
      table.remove()
    }
    for (let key = 0; key < 200; key++) fill(key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let round = 0; round < 30; round++) {
      for (let job = 0; job < 10; job++) fill(`job ${job}`)
      // Half of the time what is removed is in the database.
      if (round % 2 === 0) backend.store.flush()
      for (let job = 0; job < 10; job++) remove(`job ${job}`)
    }
    assert.equal(snapshot(backend, 2, 'delta'), 0)
    backend.onCheckpointComplete(2)
    fill('of a checkpoint that failed')
    assert.equal(snapshot(backend, 3, 'delta'), 3)
    backend.onCheckpointAborted(3)
    remove('of a checkpoint that failed')
    assert.equal(snapshot(backend, 4, 'delta'), 0)
    backend.onCheckpointComplete(4)
    fill('of a checkpoint under way')
    assert.equal(snapshot(backend, 5, 'delta'), 3)
    remove('of a checkpoint under way')
    backend.onCheckpointComplete(5)
    remove(7)
    assert.equal(snapshot(backend, 6, 'delta'), 2)
    assert.equal(backend.usage()[0]?.entries, 199 * 3)
    backend.close()
  })

  it('removes a large map as one range', () => {
    const watched = new WatchedStore(database)
    const backend = open(watched, 16 * 1024)
    const table = backend.mapTable<number, number>({ ...DESCRIPTOR, kind: 'map' })
    for (const key of ['large', 'small']) {
      select(backend, key)
      for (let userKey = 0; userKey < (key === 'large' ? 5_000 : 100); userKey++) table.put(userKey, userKey)
    }
    backend.store.flush()
    select(backend, 'large')
    table.remove()
    assert.deepEqual([watched.ranges, table.isEmpty, backend.usage()[0]?.entries], [1, true, 100])
    select(backend, 'small')
    assert.equal(table.get(99), 99)
    table.remove()
    assert.deepEqual([watched.ranges, table.isEmpty, backend.usage()[0]?.entries], [1, true, 0])
    backend.close()
  })

  it('walks over what is in the database and what is in the cache only, each once, while both change', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed)
      const backend = open(database, random.pick([2_000, 40_000, 1_000_000]))
      const table = backend.mapTable<number, number>({ ...DESCRIPTOR, kind: 'map' })
      select(backend, 'outer')
      const there = new Set<number>()
      for (let step = 0; step < 1_500; step++) {
        const key = random.below(2_000)
        table.put(key, key)
        there.add(key)
        if (step === 750 && random.chance(0.7)) backend.store.flush()
      }
      const unstored = new Visits(backend)
      const met = new Set<number>()
      for (const [key, value] of table.entries()) {
        assert.equal(value, key, `seed ${seed}`)
        assert.ok(!met.has(key), `seed ${seed}: ${key} was met twice`)
        met.add(key)
        const dice = random.below(200)
        const other = random.below(2_000)
        if (dice < 1) backend.store.flush()
        else if (dice < 20) table.put(other, other)
        else if (dice < 40) table.get(other)
        else if (dice < 60 && !met.has(other)) {
          table.delete(other)
          there.delete(other)
        }
      }
      for (const key of there) assert.ok(met.has(key), `seed ${seed}: ${key} was not met`)
      assert.equal(unstored.count, 1, 'what is in the cache is not gone through again and again')
      backend.close()
    }
  })

  it('ends a walk behind the last hash that there is', () => {
    assert.equal(mixedOf(KEY_OF_LAST_HASH), -1)
    const backend = open(database, 1_000)
    const table = backend.mapTable<number, number>({ ...DESCRIPTOR, kind: 'map' })
    select(backend, 'outer')
    // As many as are read at once, so nothing says yet that they are the last.
    for (let key = 0; key < 255; key++) table.put(key, key)
    table.put(KEY_OF_LAST_HASH, 255)
    backend.store.flush()
    const values = new Set<number>()
    for (const [, value] of table.entries()) {
      assert.ok(!values.has(value), `${value} was met twice`)
      values.add(value)
    }
    assert.equal(values.size, 256)
    backend.close()
  })

  it('gives up the view of a snapshot that was aborted', () => {
    const backend = open(database, 4_096)
    const table = values(backend)
    for (let key = 0; key < 100; key++) put(backend, table, key)
    const begun = backend.beginSnapshot(1, () => 'base')
    begun.encode(0)
    backend.onCheckpointAborted(1)
    assert.throws(() => begun.encode(Number.POSITIVE_INFINITY), { code: 'INTERNAL', message: /closed/ })
    backend.close()
  })

  it('refuses a record that is not what was written, wherever a bit has changed', () => {
    const watched = new WatchedStore(database)
    const backend = open(watched, 0)
    const table = values(backend)
    for (let key = 0; key < 50; key++) put(backend, table, key)
    backend.store.flush()
    select(backend, 1)
    const { length } =
      backend.store.bucketOf((table as unknown as Mapped).mapFor(), backend.currentKeyGroup, mixedOf(1)) ?? []
    assert.ok(length !== undefined && length > 40)
    // Behind the last byte of a record is what makes it a multiple of 16.
    for (let at = 0; at <= length - 16; at++) {
      watched.damageAt = at
      select(backend, 1)
      assert.throws(() => table.get(), { code: 'DISK_FAILED' }, `byte ${at}`)
    }
    watched.damageAt = -1
    select(backend, 1)
    assert.equal(table.get()?.key, 1)
    backend.close()
  })

  it('shows figures of its cache and of RocksDB', () => {
    const backend = open(database, 4_096)
    const table = values(backend)
    for (let key = 0; key < 100; key++) put(backend, table, key)
    select(backend, 1)
    table.get()
    const metrics = backend.storeMetrics()
    assert.ok(Object.values(metrics).every(Number.isFinite), JSON.stringify(metrics))
    assert.ok((metrics['rocksdb.estimate-num-keys'] ?? 0) > 0)
    const { cacheMisses, cacheBytes, deadShare } = backend.localStore()
    assert.ok(cacheMisses > 0 && cacheBytes > 0 && deadShare >= 0 && deadShare <= 1)
    assert.equal(metrics['rocksdb.block-cache-capacity'], 1024 ** 2)
    backend.close()
  })

  it('writes no log of its own', () => {
    assert.deepEqual(
      readdirSync(database.path).filter((name) => name.startsWith('LOG')),
      [],
    )
  })

  it('is not to be used once it is closed', async () => {
    const closed = await openTestDatabase(join(folder, 'closed'))
    const backend = open(closed, 0)
    const table = values(backend)
    for (let key = 0; key < 10; key++) put(backend, table, key)
    const scan = closed.scan(Uint8Array.of(0), Uint8Array.of(255))
    await closed.close()
    await closed.close()
    select(backend, 1)
    assert.throws(() => table.get(), { code: 'INTERNAL', message: /closed/ })
    assert.throws(() => scan.next(1), { code: 'INTERNAL', message: /closed/ })
    assert.throws(() => closed.removeRange(Uint8Array.of(0), Uint8Array.of(1)), { code: 'INTERNAL' })
  })

  it('names its folder when it cannot be there', async () => {
    await assert.rejects(openTestDatabase(join(import.meta.filename, 'below-a-file')), {
      code: 'DISK_FAILED',
      message: /below-a-file/,
      hint: /io\.tmp\.dirs/,
    })
  })
})

interface Value {
  readonly key: number
  readonly round: number
  readonly text: string
}

interface Mapped {
  mapFor(): ReturnType<NestedStoreTable['mapFor']>
}

const DESCRIPTOR = { operatorUid: 'op', name: 'v', version: 1, ttlMs: undefined }

function open(database: OrderedStore, cacheBytes: number | (() => number)): RocksdbStateBackend {
  return new RocksdbStateBackend({
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
    database,
    cacheBytes: typeof cacheBytes === 'number' ? () => cacheBytes : cacheBytes,
    cachedEntriesMin: 1,
    encodeStepEntries: 1,
  })
}

function values(backend: RocksdbStateBackend): ValueTable<Value> {
  return backend.valueTable({ ...DESCRIPTOR, kind: 'value' })
}

function windows(backend: RocksdbStateBackend): NamespacedTable<number> {
  return backend.namespacedTable({ ...DESCRIPTOR, kind: 'namespaced' })
}

function both(backend: RocksdbStateBackend): { value: ValueTable<Value>; map: MapTable<string, number> } {
  return { value: values(backend), map: backend.mapTable({ ...DESCRIPTOR, name: 'm', kind: 'map' }) }
}

function select(backend: RocksdbStateBackend, key: unknown): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}

function put(backend: RocksdbStateBackend, table: ValueTable<Value>, key: number): void {
  select(backend, key)
  table.put({ key, round: 0, text: 'some text' })
}

/** Takes a whole snapshot; returns how many entries it has. */
function snapshot(backend: RocksdbStateBackend, id: number, kind: 'base' | 'delta'): number {
  return encodeWhole(backend.beginSnapshot(id, () => kind)).reduce((sum, { entries }) => sum + entries, 0)
}

function chains(backend: RocksdbStateBackend, earlier: SegmentChains, id: number): SegmentChains {
  return new OpenChainsSnapshot(backend, earlier, id, 3).finish()
}

/** Everything that a backend has in the database. */
function rowsOf(backend: RocksdbStateBackend, database: RocksdbDatabase): number {
  const { from, end } = backend.store.layout.all
  const scan = database.scan(from, end)
  let rows = 0
  for (let read = scan.next(100); read.length > 0; read = scan.next(100)) rows += read.length / 2
  scan.close()
  return rows
}

function sorted(entries: Iterable<[string, number]>): readonly [string, number][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}

function mixedOf(key: number): number {
  return Math.imul(hashKey(key), 0x9e3779b1)
}

/** There are some in so many of any kind. */
function keysOfOneHash(): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const key = `key ${i}`
    const earlier = seen.get(hashKey(key))
    if (earlier !== undefined) return [earlier, key]
    seen.set(hashKey(key), key)
  }
}

/** Its mixed hash has all bits set. */
const KEY_OF_LAST_HASH = -505_164_606

/** Counts how often a walk goes through what is in the cache. */
class Visits {
  count = 0

  constructor({ store }: RocksdbStateBackend) {
    const visit = store.unstoredOf.bind(store)
    store.unstoredOf = (map) => {
      this.count++
      return visit(map)
    }
  }
}

/** Counts what passes, and changes a bit of the values that are looked up. */
class WatchedStore implements OrderedStore {
  readonly #store: OrderedStore
  /** That scans have given. */
  rows = 0
  /** Puts and removals. */
  changes = 0
  /** That were removed as a whole. */
  ranges = 0
  /** Byte of each value in which a bit changes; −1: none. */
  damageAt = -1

  constructor(store: OrderedStore) {
    this.#store = store
  }

  get path(): string {
    return this.#store.path
  }

  takeNumber(): number {
    return this.#store.takeNumber()
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    const values = this.#store.getMany(keys)
    for (const value of values) {
      if (value !== undefined && this.damageAt >= 0 && this.damageAt < value.length) {
        value[this.damageAt] = (value[this.damageAt] as number) ^ 0x04
      }
    }
    return values
  }

  batch(): OrderedBatch {
    const batch = this.#store.batch()
    return {
      ...batch,
      put: (key, value) => {
        this.changes++
        batch.put(key, value)
      },
      remove: (key) => {
        this.changes++
        batch.remove(key)
      },
    }
  }

  removeRange(from: Uint8Array, end: Uint8Array): void {
    this.ranges++
    this.#store.removeRange(from, end)
  }

  scan(from: Uint8Array, end: Uint8Array): OrderedScan {
    const scan = this.#store.scan(from, end)
    const count = (rows: readonly Uint8Array[]): readonly Uint8Array[] => {
      this.rows += rows.length / 2
      return rows
    }
    return {
      seek: (key) => scan.seek(key),
      next: (most) => count(scan.next(most)),
      close: () => scan.close(),
      get isFinished() {
        return scan.isFinished
      },
    }
  }

  metrics(): Readonly<Record<string, number>> {
    return this.#store.metrics()
  }
}
