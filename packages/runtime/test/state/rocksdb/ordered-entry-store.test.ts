/**
 * The RocksDB backend does what every store on the disk must, and what is its own: what is in memory, what a delta reads, and what stays
 * in the database.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { encodeWhole, hashKey, mixHash } from '@millrace/core'
import { openTestDatabase, whyNoRocksdb } from '@millrace/testing'
import type { OrderedBatch, OrderedScan, OrderedStore } from '../../../src/state/rocksdb/ordered-store.ts'
import type { RocksdbDatabase } from '../../../src/state/rocksdb/rocksdb-database.ts'
import { RocksdbStateBackend } from '../../../src/state/rocksdb/rocksdb-state-backend.ts'
import { entryStoreConformance } from '../store/entry-store-conformance.ts'
import {
  clearAll,
  DESCRIPTOR,
  maps,
  nested,
  put,
  type StoreWorld,
  select,
  snapshot,
  storeOptions,
  values,
  windows,
} from '../store/store-world.ts'

const skip = whyNoRocksdb === undefined ? false : `NOT TESTED: ${whyNoRocksdb}`

describe('RocksDB backend', { skip }, () => {
  let folder: string
  let database: RocksdbDatabase
  let world: RocksdbWorld | undefined
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-ordered-store-'))
    database = await openTestDatabase(join(folder, 'database'))
  })
  after(async () => {
    await database.close()
    rmSync(folder, { recursive: true })
  })

  entryStoreConformance(() => {
    world ??= new RocksdbWorld(database)
    return world
  })

  it('knows the maps of those keys only that have entries in the cache', () => {
    const backend = open(database, 16 * 1024)
    const table = maps<string, number>(backend)
    for (let key = 0; key < 5_000; key++) {
      select(backend, key)
      table.put('a', key)
      table.put('b', -key)
    }
    const known = [...nested(table).liveMaps()].length
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

  it('has no change and no deletion in the database any more once a completed snapshot has said it', () => {
    const backend = open(database, 4_096)
    const table = values(backend)
    put(backend, table, 1)
    backend.store.flush()
    assert.equal(rowsOf(backend, database), 2, 'the entry, and that it has changed')
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    select(backend, 1)
    table.remove()
    snapshot(backend, 2, 'base')
    backend.onCheckpointComplete(2)
    put(backend, table, 2)
    backend.store.flush()
    assert.equal(rowsOf(backend, database), 2)
    backend.close()
  })

  it('names a key once in the database however often it is changed while checkpoints fail', () => {
    const backend = open(database, 4_096)
    const table = values(backend)
    for (let key = 0; key < 200; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let id = 2; id < 12; id++) {
      for (let key = 0; key < 50; key++) put(backend, table, key)
      snapshot(backend, id, 'base')
      backend.onCheckpointAborted(id)
    }
    assert.equal(rowsOf(backend, database), 250)
    backend.close()
  })

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

  it('removes a large map as one range', () => {
    const watched = new WatchedStore(database)
    const backend = open(watched, 16 * 1024)
    const table = maps<number, number>(backend)
    for (const key of ['large', 'small']) {
      select(backend, key)
      for (let userKey = 0; userKey < (key === 'large' ? 5_000 : 100); userKey++) table.put(userKey, userKey)
    }
    backend.store.flush()
    select(backend, 'large')
    table.remove()
    assert.deepEqual([watched.ranges, table.isEmpty], [1, true])
    const { rows } = watched
    clearAll(backend)
    assert.deepEqual(backend.usage()[0]?.entries, 100)
    assert.ok(watched.rows - rows < 4_000, 'those that were read when it was removed are not read again')
    select(backend, 'small')
    assert.equal(table.get(99), 99)
    table.remove()
    assert.deepEqual([watched.ranges, table.isEmpty, backend.usage()[0]?.entries], [1, true, 0])
    backend.close()
  })

  it('goes through what is in the cache once for a walk, however many pieces it has', () => {
    const backend = open(database, 1_000_000)
    const table = maps<number, number>(backend)
    select(backend, 'outer')
    for (let key = 0; key < 1_000; key++) table.put(key, key)
    backend.store.flush()
    for (let key = 1_000; key < 1_500; key++) table.put(key, key)
    const visits = new Visits(backend)
    assert.equal([...table.entries()].length, 1_500)
    assert.equal(visits.count, 1)
    backend.close()
  })

  it('ends a walk behind the last hash that there is', () => {
    assert.equal(mixedOf(KEY_OF_LAST_HASH), -1)
    const backend = open(database, 1_000)
    const table = maps<number, number>(backend)
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

/** Open one after the other, over a database that is watched. */
class RocksdbWorld implements StoreWorld {
  readonly #store: WatchedStore

  constructor(database: OrderedStore) {
    this.#store = new WatchedStore(database)
  }

  open(options: Parameters<StoreWorld['open']>[0]): RocksdbStateBackend {
    return new RocksdbStateBackend({ ...storeOptions(options), database: this.#store })
  }

  set damageAt(at: number) {
    this.#store.damageAt = at
  }

  set isFull(isFull: boolean) {
    this.#store.isFull = isFull
  }

  get readBytes(): number {
    return this.#store.readBytes
  }
}

function open(database: OrderedStore, cacheBytes: number | (() => number)): RocksdbStateBackend {
  return new RocksdbStateBackend({
    ...storeOptions({ cacheBytes: typeof cacheBytes === 'number' ? () => cacheBytes : cacheBytes, now: () => 0 }),
    database,
  })
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

function mixedOf(key: number): number {
  return mixHash(hashKey(key))
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

/** Counts what passes, changes a bit of the values that are looked up, and refuses to take more. */
class WatchedStore implements OrderedStore {
  readonly #store: OrderedStore
  /** That scans have given. */
  rows = 0
  /** Puts and removals. */
  changes = 0
  /** That were removed as a whole. */
  ranges = 0
  readBytes = 0
  /** Byte of each value in which a bit changes; −1: none. */
  damageAt = -1
  isFull = false

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
      this.readBytes += value?.length ?? 0
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
      write: () => {
        if (this.isFull) throw new MillraceError('DISK_FAILED', 'There is no room.')
        batch.write()
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
      for (const { length } of rows) this.readBytes += length
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
