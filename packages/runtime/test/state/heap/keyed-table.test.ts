import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyGroupOf, type RestoredSegment, type SnapshotPiece, type TableDescriptor } from '@millrace/core'
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
  const snapshot = backend.beginSnapshot(id, (_, keyGroup) => decide(keyGroup))
  while (!snapshot.encode(0));
  backend.onCheckpointComplete(id)
  return snapshot.pieces
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
      const put = putInto(backend, kind)
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

/** Writes a value under a key into a table of a kind. */
function putInto(backend: HeapStateBackend, kind: 'value' | 'list' | 'map'): (key: number, value: number) => void {
  const select = (key: number) => backend.setCurrentKey(key, keyGroupOf(key, MAX_PARALLELISM))
  if (kind === 'value') {
    const values = backend.valueTable<number>(table('t', kind))
    return (key, value) => {
      select(key)
      values.put(value)
    }
  }
  if (kind === 'list') {
    const lists = backend.listTable<number>(table('t', kind))
    return (key, value) => {
      select(key)
      lists.append(value)
    }
  }
  const maps = backend.mapTable<string, number>(table('t', kind))
  return (key, value) => {
    select(key)
    maps.put('user key', value)
  }
}
