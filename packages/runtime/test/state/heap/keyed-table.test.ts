import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  encodeWhole,
  hashKey,
  keyGroupOf,
  type RestoredSegment,
  type SnapshotPiece,
  type TableDescriptor,
} from '@millrace/core'
import { EntryMap, type EntryMapOwner, TOUCHED_ENTRIES_MIN } from '../../../src/state/heap/entry-map.ts'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'

const MAX_PARALLELISM = 512

const table = (name: string, kind: TableDescriptor['kind']): TableDescriptor => ({
  operatorUid: 'op',
  name,
  kind,
  version: 1,
  ttlMs: undefined,
})

function openBackend(first = 0, last = MAX_PARALLELISM - 1): HeapStateBackend {
  return new HeapStateBackend({
    keyGroups: { first, last },
    maxParallelism: MAX_PARALLELISM,
    now: () => 0,
    monotonicMs: () => 0,
  })
}

function takeSnapshot(
  backend: HeapStateBackend,
  id: number,
  decide: (keyGroup: number) => 'base' | 'delta',
): readonly SnapshotPiece[] {
  const pieces = encodeWhole(
    backend.beginSnapshot(id, (_, keyGroup) => decide(keyGroup)),
    0,
  )
  backend.onCheckpointComplete(id)
  return pieces
}

const asSegment = ({ keyGroup, kind, bytes, entries }: SnapshotPiece): RestoredSegment => ({
  ref: {
    kind,
    checkpointId: 1,
    lengthBytes: bytes.length,
    crc32c: 0,
    entries,
    location: { kind: 'file', file: `group ${keyGroup}`, offsetBytes: 0 },
  },
  bytes,
})

describe('a table with all key groups in one map', () => {
  it('holds an entry under null in each key group', () => {
    const backend = openBackend()
    const values = backend.valueTable<number>(table('own', 'value'))
    const maps = backend.mapTable<null, number>(table('maps', 'map'))
    for (let keyGroup = 0; keyGroup < MAX_PARALLELISM; keyGroup++) {
      backend.setCurrentKey(null, keyGroup)
      assert.equal(values.get(), undefined)
      values.put(keyGroup * 10)
      maps.put(null, keyGroup)
    }
    const expected = (keyGroup: number) => (keyGroup % 3 === 0 ? undefined : keyGroup * 10)
    for (let keyGroup = 0; keyGroup < MAX_PARALLELISM; keyGroup += 3) {
      backend.setCurrentKey(null, keyGroup)
      values.remove()
    }
    const pieces = takeSnapshot(backend, 1, () => 'base')
    const restored = openBackend(100, 199)
    for (const piece of pieces) {
      if (piece.keyGroup >= 100 && piece.keyGroup < 200) restored.restore(piece.keyGroup, 'op', [asSegment(piece)])
    }
    for (const [each, first, last] of [[backend, 0, MAX_PARALLELISM - 1] as const, [restored, 100, 199] as const]) {
      const found = each.valueTable<number>(table('own', 'value'))
      const foundMaps = each.mapTable<null, number>(table('maps', 'map'))
      for (let keyGroup = first; keyGroup <= last; keyGroup++) {
        each.setCurrentKey(null, keyGroup)
        assert.equal(found.get(), expected(keyGroup))
        assert.equal(foundMaps.get(null), keyGroup)
      }
    }
  })

  for (const kind of ['value', 'list', 'map'] as const) {
    it(`writes the base of one key group without what is in the others: ${kind}`, () => {
      const backend = openBackend()
      const { put } = accessTo(backend, kind)
      const groupOf = (key: number) => keyGroupOf(key, MAX_PARALLELISM)
      const keys = Array.from({ length: 10_000 }, (_, key) => key)
      for (const key of keys) put(key, 1)
      takeSnapshot(backend, 1, () => 'base')
      const changed = keys.filter((key) => key % 100 === 0)
      for (const key of changed) put(key, 2)
      const rebased = groupOf(changed[0] as number)
      const pieces = takeSnapshot(backend, 2, (keyGroup) => (keyGroup === rebased ? 'base' : 'delta'))
      const expected = new Map<number, number>()
      for (const key of keys) {
        if (groupOf(key) !== rebased && !changed.includes(key)) continue
        expected.set(groupOf(key), (expected.get(groupOf(key)) ?? 0) + 1)
      }
      const byGroup = (a: readonly number[], b: readonly number[]) => (a[0] as number) - (b[0] as number)
      assert.deepEqual(
        pieces.map(({ keyGroup, entries }) => [keyGroup, entries]).sort(byGroup),
        [...expected].sort(byGroup),
      )
      for (const { keyGroup, kind } of pieces) assert.equal(kind, keyGroup === rebased ? 'base' : 'delta')
    })
  }
})

describe('keys that are expected', () => {
  for (const kind of ['value', 'list', 'map', 'namespaced'] as const) {
    it(`are found as if they had not been, whether they come or not: ${kind}`, () => {
      const backend = openBackend()
      const access = accessTo(backend, kind)
      const count = TOUCHED_ENTRIES_MIN * 2
      const hashes = Array.from({ length: count * 2 }, (_, key) => hashKey(key))
      for (let key = 0; key < count; key++) {
        if (key % 128 === 0) backend.expectKeys(hashes, key, key + 128)
        access.put(key, key)
      }
      // Every other one is not there.
      for (let key = 0; key < count; key += 2) access.remove(key)
      for (let key = 0; key < count * 2; key++) {
        if (key % 100 === 0) backend.expectKeys(hashes, key, Math.min(key + 150, hashes.length))
        assert.equal(access.get(key), key < count && key % 2 === 1 ? key : undefined)
      }
      assert.equal(backend.usage()[0]?.entries, count / 2)
    })
  }
})

describe('EntryMap.touch', () => {
  /** Rows are 0, 1, 2 …, and of the epoch of their number. */
  const openMap = (count: number, hashOf: (n: number) => number) => {
    const map = new EntryMap({} as EntryMapOwner, undefined, 1)
    for (let n = 0; n < count; n++) map.insert(hashOf(n), n, 0, n, n)
    return map
  }

  it('reads the rows of hashes that are there, also of those that share their place', () => {
    const map = openMap(TOUCHED_ENTRIES_MIN, hashKey)
    const hashes = Array.from({ length: TOUCHED_ENTRIES_MIN + 1_000 }, (_, n) => hashKey(n))
    assert.notEqual(map.touch(hashes, 100, 228), map.touch(hashes, 228, 356))
    // Twice the same takes itself out again.
    for (const n of [0, 500, TOUCHED_ENTRIES_MIN + 500]) {
      assert.equal(map.touch([hashes[n] as number, hashes[n] as number], 0, 2), 0)
    }
    assert.equal(map.touch(hashes, 7, 7), 0)
  })

  it('leaves small maps alone', () => {
    const map = openMap(1_000, hashKey)
    assert.equal(map.touch([hashKey(3)], 0, 1), 0)
  })
})

/** One value per key in a table of any kind. */
interface Access {
  put(key: number, value: number): void
  get(key: number): number | undefined
  remove(key: number): void
}

function accessTo(backend: HeapStateBackend, kind: TableDescriptor['kind']): Access {
  const select = (key: number) => backend.setCurrentKey(key, keyGroupOf(key, MAX_PARALLELISM))
  const after =
    <T extends readonly unknown[], R>(act: (...args: T) => R) =>
    (key: number, ...args: T): R => {
      select(key)
      return act(...args)
    }
  switch (kind) {
    case 'value': {
      const values = backend.valueTable<number>(table('t', kind))
      return {
        put: after((value: number) => values.put(value)),
        get: after(() => values.get()),
        remove: after(() => values.remove()),
      }
    }
    case 'list': {
      const lists = backend.listTable<number>(table('t', kind))
      return {
        put: after((value: number) => lists.append(value)),
        get: after(() => lists.get()[0]),
        remove: after(() => lists.remove()),
      }
    }
    case 'map': {
      const maps = backend.mapTable<string, number>(table('t', kind))
      return {
        put: after((value: number) => maps.put('user key', value)),
        get: after(() => maps.get('user key')),
        remove: after(() => maps.remove()),
      }
    }
    case 'namespaced': {
      const namespaced = backend.namespacedTable<number>(table('t', kind))
      return {
        put: after((value: number) => namespaced.put(1, value)),
        get: after(() => namespaced.get(1)),
        remove: after(() => namespaced.remove(1)),
      }
    }
  }
}
