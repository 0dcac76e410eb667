import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  encodeWhole,
  hashKey,
  type KeyedSnapshot,
  readSegment,
  type SegmentHeader,
  SegmentWriter,
  type TableDescriptor,
} from '@millrace/core'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'

const table = (name: string, kind: TableDescriptor['kind']): TableDescriptor => ({
  operatorUid: 'op',
  name,
  kind,
  version: 1,
  ttlMs: undefined,
})

function openBackend(): HeapStateBackend {
  return new HeapStateBackend({
    keyGroups: { first: 0, last: 0 },
    maxParallelism: 1,
    now: () => 0,
    monotonicMs: () => 0,
  })
}

function bytesOf(snapshot: KeyedSnapshot): Uint8Array {
  return encodeWhole(snapshot, 0)[0]?.bytes as Uint8Array
}

/** What a segment says, and the segment written anew from that. */
function copyOf(bytes: Uint8Array): { keys: unknown[]; bytes: Uint8Array } {
  let writer: SegmentWriter | undefined
  const keys: unknown[] = []
  readSegment(bytes, {
    onHeader: (header: SegmentHeader) => {
      writer = new SegmentWriter(header)
    },
    onPut: (index, key, sub, value) => {
      keys.push(key, sub)
      writer?.put(index, key, sub, value)
    },
    onDelete: (index, key, sub) => {
      keys.push(key, sub)
      writer?.delete(index, key, sub)
    },
    onClear: (index, key) => writer?.clear(index, key),
    onDropNamespace: (index, namespace) => writer?.dropNamespace(index, namespace),
  })
  return { keys, bytes: writer?.finish() as Uint8Array }
}

describe('a snapshot of keys that are arrays of numbers', () => {
  const keys = Array.from({ length: 40 }, (_, n) => [n % 4 === 0 ? -0 : n / 4, 1_000_000 - n])
  const canonical = (key: unknown) => (Array.isArray(key) ? key.map((part) => part + 0) : key)

  for (const kind of ['value', 'map', 'namespaced'] as const) {
    it(`has the bytes of arrays: ${kind} table`, () => {
      const backend = openBackend()
      const values = kind === 'value' ? backend.valueTable<string>(table('t', kind)) : undefined
      const maps = kind === 'map' ? backend.mapTable<unknown, string>(table('t', kind)) : undefined
      const windows = kind === 'namespaced' ? backend.namespacedTable<string>(table('t', kind)) : undefined
      const select = (key: unknown) => backend.setCurrentKey(key, 0)
      for (const [n, key] of keys.entries()) {
        select(kind === 'map' ? 'one' : key)
        values?.put(`value ${n}`)
        maps?.put(key, `value ${n}`)
        windows?.put(60_000, `value ${n}`)
      }
      const base = bytesOf(backend.beginSnapshot(1, () => 'base'))
      backend.onCheckpointComplete(1)
      for (const [n, key] of keys.entries()) {
        select(kind === 'map' ? 'one' : key)
        if (n % 3 === 0) {
          values?.remove()
          maps?.delete(key)
          windows?.remove(60_000)
        } else if (n % 3 === 1) {
          values?.put('changed')
          maps?.put(key, 'changed')
          windows?.put(60_000, 'changed')
        }
      }
      const delta = bytesOf(backend.beginSnapshot(2, () => 'delta'))
      for (const [bytes, expected] of [
        [base, keys],
        [delta, keys.filter((_, n) => n % 3 < 2)],
      ] as const) {
        const copy = copyOf(bytes)
        assert.deepEqual(bytes, copy.bytes)
        assert.deepEqual(copy.keys.filter(Array.isArray), expected.map(canonical))
      }
    })
  }

  it('names the key of a value that cannot be stored', () => {
    const backend = openBackend()
    const values = backend.valueTable<unknown>(table('t', 'value'))
    for (const key of keys.slice(0, 10)) {
      backend.setCurrentKey(key, 0, hashKey(key))
      values.put(key === keys[6] ? () => 1 : 'text')
    }
    assert.throws(() => bytesOf(backend.beginSnapshot(1, () => 'base')), {
      code: 'VALUE_NOT_ENCODABLE',
      message: /key \[1\.5,999994\]/,
    })
  })
})
