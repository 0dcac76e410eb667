/** A snapshot in pieces that one backend has written restores on each other, at another parallelism. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type KeyedStateBackend, keyGroupOf, keyGroupRange, type TableDescriptor } from '@millrace/core'
import { HeapStateBackend, NodeStoreFolder, RocksdbStateBackend, SegmentsStateBackend } from '@millrace/runtime'
import type { BackendOptions, CreateBackend } from '../../src/state-conformance/create-backend.ts'
import { OpenChainsSnapshot, SegmentChains } from '../../src/state-conformance/segment-chains.ts'
import { openTestDatabase, whyNoRocksdb } from '../../src/state-conformance/test-database.ts'

const GROUPS = 8
const KEYS = 600
const folder = mkdtempSync(join(tmpdir(), 'millrace-pieces-'))
const database = whyNoRocksdb === undefined ? await openTestDatabase(join(folder, 'database')) : undefined
after(async () => {
  await database?.close()
  rmSync(folder, { recursive: true })
})

const BACKENDS: Readonly<Record<string, CreateBackend>> = {
  hashmap: (options) => new HeapStateBackend({ ...options, monotonicMs: () => 0 }),
  segments: (options) =>
    new SegmentsStateBackend({
      ...options,
      monotonicMs: () => 0,
      folder: new NodeStoreFolder(folder, 'state'),
      cacheBytes: () => 4_096,
    }),
  ...(database === undefined
    ? {}
    : {
        rocksdb: (options: BackendOptions) =>
          new RocksdbStateBackend({ ...options, monotonicMs: () => 0, database, cacheBytes: () => 4_096 }),
      }),
}

if (whyNoRocksdb !== undefined) test('rocksdb', { skip: `NOT TESTED: ${whyNoRocksdb}` }, () => {})

const descriptor: TableDescriptor = { operatorUid: 'op', name: 'map', kind: 'map', version: 1, ttlMs: undefined }

for (const [from, createFrom] of Object.entries(BACKENDS)) {
  for (const [to, createTo] of Object.entries(BACKENDS)) {
    test(`from ${from} to ${to}`, () => {
      const options = (subtask: number, parallelism: number, more: Partial<BackendOptions> = {}): BackendOptions => ({
        keyGroups: keyGroupRange(subtask, parallelism, GROUPS),
        maxParallelism: GROUPS,
        now: () => 0,
        ...more,
      })
      const writer = createFrom(options(0, 1, { snapshotBytesMax: 4_096 }))
      const table = writer.mapTable<string, string>(descriptor)
      const change = (round: number, every: number): void => {
        for (let key = 0; key < KEYS; key += every) {
          select(writer, key)
          table.put('text', `${key} in round ${round}`)
          table.put(`round ${round}`, 'x'.repeat(40))
        }
      }
      change(1, 1)
      const first = new OpenChainsSnapshot(writer, SegmentChains.EMPTY, 1, 3).finish()
      writer.onCheckpointComplete(1)
      change(2, 3)
      const chains = new OpenChainsSnapshot(writer, first, 2, 3).finish()
      writer.close()
      for (const kind of ['base', 'delta']) {
        assert.ok(chains.segments.some(({ ref }) => ref.kind === kind && ref.isContinuation === true))
      }
      for (let subtask = 0; subtask < 3; subtask++) {
        const reader = createTo(options(subtask, 3))
        chains.restoreInto(reader, subtask === 0 ? 'whole' : { partSegments: subtask })
        const restored = reader.mapTable<string, string>(descriptor)
        for (let key = 0; key < KEYS; key++) {
          const group = keyGroupOf(key, GROUPS)
          if (group < reader.keyGroups.first || group > reader.keyGroups.last) continue
          select(reader, key)
          const round = key % 3 === 0 ? 2 : 1
          assert.equal(restored.get('text'), `${key} in round ${round}`)
          assert.equal([...restored.entries()].length, round + 1)
        }
        reader.close()
      }
    })
  }
}

function select(backend: KeyedStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}
