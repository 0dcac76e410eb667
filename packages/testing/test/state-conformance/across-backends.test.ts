/** What one backend has written, as bases and deltas, another goes on with: each of them from each. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type KeyedStateBackend, keyGroupOf, keyGroupRange } from '@millrace/core'
import {
  HeapStateBackend,
  NodeStoreFolder,
  type RocksdbDatabase,
  RocksdbStateBackend,
  SegmentsStateBackend,
} from '@millrace/runtime'
import { OpenChainsSnapshot, SegmentChains } from '../../src/state-conformance/segment-chains.ts'
import { openTestDatabase, whyNoRocksdb } from '../../src/state-conformance/test-database.ts'

const GROUPS = 8
const KEYS = 200
const TYPES = ['hashmap', 'segments', 'rocksdb'] as const
type Type = (typeof TYPES)[number]

let folder: string
let database: RocksdbDatabase | undefined
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-across-'))
  if (whyNoRocksdb === undefined) database = await openTestDatabase(join(folder, 'database'))
})
after(async () => {
  await database?.close()
  rmSync(folder, { recursive: true })
})

describe('state that moves between backends', () => {
  for (const from of TYPES) {
    for (const to of TYPES) {
      const isMissing = whyNoRocksdb !== undefined && (from === 'rocksdb' || to === 'rocksdb')
      const skip = isMissing ? `NOT TESTED: ${whyNoRocksdb}` : false
      it(`goes from ${from} to ${to} and back`, { skip }, () => {
        const first = open(from)
        fill(first, 0)
        let chains = new OpenChainsSnapshot(first, SegmentChains.EMPTY, 1, 3).finish()
        first.onCheckpointComplete(1)
        change(first)
        chains = new OpenChainsSnapshot(first, chains, 2, 3).finish()
        const expected = contentsOf(first)
        first.close()

        const second = open(to)
        chains.restoreInto(second)
        assert.deepEqual(contentsOf(second), expected)
        fill(second, 1_000)
        change(second)
        chains = new OpenChainsSnapshot(second, chains, 3, 3).finish()
        const changed = contentsOf(second)
        assert.notDeepEqual(changed, expected)
        second.close()

        const third = open(from)
        chains.restoreInto(third)
        assert.deepEqual(contentsOf(third), changed)
        third.close()
      })
    }
  }
})

function open(type: Type): KeyedStateBackend {
  const common = {
    keyGroups: keyGroupRange(0, 1, GROUPS),
    maxParallelism: GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
  }
  if (type === 'hashmap') return new HeapStateBackend(common)
  const cache = { cacheBytes: () => 4_096, cachedEntriesMin: 1 }
  if (type === 'segments') {
    return new SegmentsStateBackend({ ...common, ...cache, folder: new NodeStoreFolder(folder, 'across') })
  }
  return new RocksdbStateBackend({ ...common, ...cache, database: database as RocksdbDatabase })
}

function tablesOf(backend: KeyedStateBackend) {
  const table = { operatorUid: 'op', version: 1, ttlMs: undefined }
  return {
    value: backend.valueTable<{ n: number; text: string }>({ ...table, name: 'value', kind: 'value' }),
    list: backend.listTable<number>({ ...table, name: 'list', kind: 'list' }),
    map: backend.mapTable<string, number>({ ...table, name: 'map', kind: 'map' }),
    windows: backend.namespacedTable<number>({ ...table, name: 'windows', kind: 'namespaced' }),
  }
}

function fill(backend: KeyedStateBackend, by: number): void {
  const { value, list, map, windows } = tablesOf(backend)
  for (let key = 0; key < KEYS; key++) {
    select(backend, key)
    value.put({ n: key + by, text: `key ${key}` })
    list.append(by)
    for (const name of ['a', 'b']) map.put(name, key + by)
    windows.put((key % 4) * 100 - 200, key + by)
  }
}

function change(backend: KeyedStateBackend): void {
  const { value, list, map, windows } = tablesOf(backend)
  for (let key = 0; key < KEYS; key += 5) {
    select(backend, key)
    value.remove()
    list.replace([key, key])
    map.delete('a')
    select(backend, key + 1)
    map.remove()
    map.put('c', 3)
    list.remove()
  }
  windows.dropNamespace(0)
  select(backend, 3)
  windows.put(0, -1)
}

function contentsOf(backend: KeyedStateBackend): unknown {
  const { value, list, map, windows } = tablesOf(backend)
  const contents: unknown[] = [windows.namespaces()]
  for (let key = 0; key < KEYS; key++) {
    select(backend, key)
    const entries = [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
    contents.push([value.get(), [...list.get()], entries, windows.namespaces().map((end) => windows.get(end))])
  }
  return contents
}

function select(backend: KeyedStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}
