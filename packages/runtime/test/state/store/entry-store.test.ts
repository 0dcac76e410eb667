/** What stores on the disk share: that the cache keeps its budget, whatever grows in it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { keyGroupOf, type TableDescriptor } from '@millrace/core'
import { openTestDatabase, SeededRandom, whyNoRocksdb } from '@millrace/testing'
import type { RocksdbDatabase } from '../../../src/state/rocksdb/rocksdb-database.ts'
import { RocksdbStateBackend } from '../../../src/state/rocksdb/rocksdb-state-backend.ts'
import { SegmentsStateBackend } from '../../../src/state/segments/segments-state-backend.ts'
import { NodeStoreFolder } from '../../../src/state/segments/store-file.ts'
import type { StoreStateBackend, StoreStateBackendOptions } from '../../../src/state/store/store-state-backend.ts'

const GROUPS = 8
const folder = mkdtempSync(join(tmpdir(), 'millrace-entry-store-budget-'))
after(() => rmSync(folder, { recursive: true }))

const DESCRIPTOR: TableDescriptor = { operatorUid: 'op', name: 't', kind: 'value', version: 1, ttlMs: undefined }
const ELEMENT = 'x'.repeat(40)

for (const kind of ['segments', 'rocksdb'] as const) {
  const skip = kind === 'rocksdb' && whyNoRocksdb !== undefined ? `NOT TESTED: ${whyNoRocksdb}` : false
  describe(`the cache of the ${kind} store`, { skip }, () => {
    let database: RocksdbDatabase | undefined
    before(async () => {
      if (kind === 'rocksdb') database = await openTestDatabase(join(folder, 'database'))
    })
    after(() => database?.close())

    const open = (cacheBytes: () => number, now: () => number = () => 0): StoreStateBackend => {
      const options: StoreStateBackendOptions = {
        keyGroups: { first: 0, last: GROUPS - 1 },
        maxParallelism: GROUPS,
        now,
        monotonicMs: () => 0,
        cacheBytes,
        cachedEntriesMin: 1,
      }
      return database === undefined
        ? new SegmentsStateBackend({ ...options, folder: new NodeStoreFolder(folder, kind), fileBytes: 64 * 1024 })
        : new RocksdbStateBackend({ ...options, database })
    }

    it('keeps its budget while lists grow that are all in it', () => {
      const cacheBytes = 256 * 1024
      const backend = open(() => cacheBytes)
      const table = backend.listTable<string>({ ...DESCRIPTOR, kind: 'list' })
      for (let length = 1; length <= 120; length++) {
        for (let key = 0; key < 60; key++) {
          select(backend, key)
          table.append(ELEMENT)
          expectWithin(backend, cacheBytes, length)
        }
      }
      for (let key = 0; key < 60; key++) {
        select(backend, key)
        assert.equal(table.get().length, 120)
      }
      backend.close()
    })

    it('keeps its budget while windows collect', () => {
      const cacheBytes = 256 * 1024
      const backend = open(() => cacheBytes)
      const table = backend.namespacedTable<readonly string[]>({ ...DESCRIPTOR, kind: 'namespaced' })
      for (let length = 1; length <= 120; length++) {
        for (let key = 0; key < 60; key++) {
          select(backend, key)
          table.put(key % 3, [...(table.get(key % 3) ?? []), ELEMENT])
          expectWithin(backend, cacheBytes, length)
        }
      }
      for (let key = 0; key < 60; key++) {
        select(backend, key)
        assert.equal(table.get(key % 3)?.length, 120)
      }
      backend.close()
    })

    it('counts what keys take, also of entries that are written again', () => {
      const backend = open(() => 1024 ** 2)
      const table = backend.valueTable<string>(DESCRIPTOR)
      for (let round = 0; round < 2; round++) {
        for (let key = 0; key < 100; key++) {
          const name = `${key}`.padEnd(500, '.')
          backend.setCurrentKey(name, keyGroupOf(name, GROUPS))
          table.put(ELEMENT)
        }
        assert.ok(backend.store.cache.bytes > 100 * 500, `${backend.store.cache.bytes} bytes in round ${round}`)
      }
      backend.close()
    })

    it('gives back what is beyond a smaller budget, which it asks for before a snapshot too', () => {
      let cacheBytes = 256 * 1024
      const backend = open(() => cacheBytes)
      const table = backend.valueTable<string>(DESCRIPTOR)
      for (let key = 0; key < 500; key++) put(backend, key)
      assert.ok(backend.store.cache.bytes > 64 * 1024)
      cacheBytes = 16 * 1024
      backend.onCheckpointAborted(begin(backend, 1))
      put(backend, 0)
      expectWithin(backend, cacheBytes, 1)
      backend.store.limitTo(1_000)
      assert.ok(backend.store.cache.bytes <= 1_000, `${backend.store.cache.bytes} bytes in the cache`)
      for (let key = 0; key < 500; key++) {
        select(backend, key)
        assert.equal(table.get(), ELEMENT)
      }
      backend.close()
    })

    it('keeps the list that is being changed, however little room there is', () => {
      const ttlMs = 10
      for (let seed = 1; seed <= 60; seed++) {
        const random = new SeededRandom(seed)
        const cacheBytes = random.pick([300, 600, 1_000, 1_500])
        let nowMs = 0
        const backend = open(
          () => cacheBytes,
          () => nowMs,
        )
        const table = backend.listTable<number>({ ...DESCRIPTOR, name: 'l', kind: 'list', ttlMs })
        const model = new Map<number, { readonly element: number; readonly atMs: number }[]>()
        for (let step = 0; step < 200; step++) {
          const key = random.below(5)
          const dice = random.below(10)
          if (dice < 2) nowMs += random.below(5)
          else if (dice < 4) put(backend, key)
          select(backend, key)
          if (dice < 6) backend.valueTable<string>(DESCRIPTOR).get()
          // Elements that have expired are taken out by this, which is a change.
          const kept = (model.get(key) ?? []).filter(({ atMs }) => atMs + ttlMs > nowMs)
          const expected = kept.map(({ element }) => element)
          assert.deepEqual(table.get(), expected, `seed ${seed}, step ${step}`)
          if (dice >= 4) {
            table.append(step)
            kept.push({ element: step, atMs: nowMs })
          }
          model.set(key, kept)
        }
        backend.close()
      }
    })
  })
}

function put(backend: StoreStateBackend, key: number): void {
  select(backend, key)
  backend.valueTable<string>(DESCRIPTOR).put(ELEMENT)
}

function begin(backend: StoreStateBackend, id: number): number {
  backend.beginSnapshot(id, () => 'base')
  return id
}

function select(backend: StoreStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}

/** What is in use may be in it besides: one entry with so many elements, of which none takes more than a hundred bytes. */
function expectWithin({ store: { cache } }: StoreStateBackend, cacheBytes: number, elements: number): void {
  const largest = 512 + elements * 100
  assert.ok(cache.bytes <= cacheBytes + largest, `${cache.bytes} bytes in the cache, of ${cacheBytes} and ${largest}`)
}
