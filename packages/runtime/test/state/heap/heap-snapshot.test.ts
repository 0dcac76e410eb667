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
import type { HeapValueTable } from '../../../src/state/heap/heap-value-table.ts'

const table = (name: string, kind: TableDescriptor['kind']): TableDescriptor => ({
  operatorUid: 'op',
  name,
  kind,
  version: 1,
  ttlMs: undefined,
})

function openBackend(encodeStepEntries?: number): HeapStateBackend {
  return new HeapStateBackend({
    keyGroups: { first: 0, last: 0 },
    maxParallelism: 1,
    now: () => 0,
    monotonicMs: () => 0,
    ...(encodeStepEntries === undefined ? {} : { encodeStepEntries }),
  })
}

/** How many bounded steps a snapshot takes. */
function stepsOf(snapshot: KeyedSnapshot): number {
  let steps = 1
  while (!snapshot.encode(0)) steps++
  return steps
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

  it('has the bytes of arrays, where values are such too', () => {
    const backend = openBackend()
    const values = backend.valueTable<readonly number[]>(table('t', 'value'))
    for (const [n, key] of keys.entries()) {
      backend.setCurrentKey(key, 0)
      values.put([n, -n, n / 3, -0])
    }
    const bytes = bytesOf(backend.beginSnapshot(1, () => 'base'))
    assert.deepEqual(bytes, copyOf(bytes).bytes)
    let found = 0
    readSegment(bytes, {
      onHeader: () => {},
      onPut: (_table, _key, _sub, value) => assert.deepEqual(value, [found, -found, found++ / 3, -0]),
      onDelete: () => assert.fail('a deletion'),
      onClear: () => {},
      onDropNamespace: () => {},
    })
    assert.equal(found, keys.length)
  })

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

describe('a delta', () => {
  const KEYS = 10_000
  const open = () => {
    const backend = openBackend(1)
    const values = backend.valueTable<number>(table('t', 'value')) as HeapValueTable<number>
    const put = (key: number, value: number) => {
      backend.setCurrentKey(key, 0)
      values.put(value)
    }
    const remove = (key: number) => {
      backend.setCurrentKey(key, 0)
      values.remove()
    }
    for (let key = 0; key < KEYS; key++) put(key, 1)
    stepsOf(backend.beginSnapshot(1, () => 'base'))
    backend.onCheckpointComplete(1)
    return { backend, values, put, remove }
  }

  it('looks at the rows that have changed and at no others, checkpoint after checkpoint', () => {
    const { backend, put } = open()
    for (let id = 2; id < 6; id++) {
      for (let key = id; key < KEYS; key += 100) put(key, id)
      const snapshot = backend.beginSnapshot(id, () => 'delta')
      const steps = stepsOf(snapshot)
      assert.ok(steps <= 110, `${steps} steps for ${KEYS / 100} rows`)
      assert.equal(snapshot.takePieces()[0]?.entries, KEYS / 100)
      backend.onCheckpointComplete(id)
    }
  })

  it('takes deletions out of memory that an earlier one has said, and looks for them no further', () => {
    const { backend, values, remove, put } = open()
    for (let key = 0; key < KEYS; key += 100) remove(key)
    stepsOf(backend.beginSnapshot(2, () => 'delta'))
    backend.onCheckpointComplete(2)
    assert.equal(values.map.deleted, KEYS / 100)
    put(1, 3)
    stepsOf(backend.beginSnapshot(3, () => 'delta'))
    assert.equal(values.map.deleted, 0)
    backend.onCheckpointComplete(3)
    put(2, 4)
    assert.ok(stepsOf(backend.beginSnapshot(4, () => 'delta')) <= 10)
  })

  it('is whole when a checkpoint that it does not build on completes while it is encoded', () => {
    const backend = openBackend(1)
    const values = backend.valueTable<number>(table('t', 'value'))
    const put = (key: number, value: number) => {
      backend.setCurrentKey(key, 0)
      values.put(value)
    }
    for (let key = 0; key < 200; key++) put(key, 1)
    const take = (id: number, kind: 'base' | 'delta') => backend.beginSnapshot(id, () => kind)
    stepsOf(take(1, 'base'))
    backend.onCheckpointComplete(1)
    for (let key = 0; key < 200; key += 2) put(key, 2)
    stepsOf(take(2, 'delta'))
    const third = take(3, 'delta')
    backend.onCheckpointComplete(2)
    // Other rows change beside those that it has still to say.
    for (let key = 1; key < 200; key += 2) put(key, 3)
    stepsOf(third)
    assert.equal(third.takePieces()[0]?.entries, 100)
  })
})
