import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyGroupOf, type TableDescriptor } from '@millrace/core'
import { LEAF_ENTRIES_MAX } from '../../../src/state/heap/entry-map.ts'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'
import { NamespaceQueue } from '../../../src/state/heap/namespace-queue.ts'

const COUNT = LEAF_ENTRIES_MAX * 5

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

describe('a table that grows', () => {
  for (const { kind, keyOf } of [
    { kind: 'numbers', keyOf: (n: number) => n },
    { kind: 'fractions', keyOf: (n: number) => n / 3 },
    { kind: 'strings', keyOf: (n: number) => `key ${n}` },
    { kind: 'bigints', keyOf: (n: number) => BigInt(n) },
  ]) {
    it(`finds all its entries, keys are ${kind}`, () => {
      const backend = openBackend()
      const values = backend.valueTable<number>(table('value', 'value'))
      for (let n = 0; n < COUNT; n++) {
        backend.setCurrentKey(keyOf(n), 0)
        values.put(n)
      }
      for (let n = 0; n < COUNT; n += 7) {
        backend.setCurrentKey(keyOf(n), keyGroupOf(keyOf(n), 1))
        assert.equal(values.get(), n)
        values.remove()
        assert.equal(values.get(), undefined)
      }
      assert.equal(backend.usage()[0]?.entries, COUNT - Math.ceil(COUNT / 7))
    })
  }

  it('is walked and snapshotted while it grows, once for each entry', () => {
    const backend = openBackend()
    const namespaced = backend.namespacedTable<number>(table('ns', 'namespaced'))
    const put = (n: number) => {
      backend.setCurrentKey(n, 0)
      namespaced.put(1, n)
    }
    const before = LEAF_ENTRIES_MAX + 100
    for (let n = 0; n < before; n++) put(n)
    const snapshot = backend.beginSnapshot(1, () => 'base')
    const cursor = namespaced.cursor(1)
    const met = new Set<unknown>()
    for (let n = before; n < COUNT; n++) {
      put(n)
      if (n % 512 === 0) snapshot.encode(0)
      if (n % 2 === 0 && cursor.next()) {
        assert.equal(met.has(cursor.key), false)
        met.add(cursor.key)
      }
    }
    while (cursor.next()) {
      assert.equal(met.has(cursor.key), false)
      met.add(cursor.key)
    }
    for (let n = 0; n < before; n++) assert.equal(met.has(n), true)
    while (!snapshot.encode(0));
    assert.equal(snapshot.pieces[0]?.entries, before)
  })
})

describe('NamespaceQueue', () => {
  it('gives the smallest first', () => {
    const queue = new NamespaceQueue()
    const values = Array.from({ length: 1_000 }, (_, index) => (index * 7_919) % 1_000)
    for (const value of values) queue.push(value)
    for (let expected = 0; expected < 1_000; expected++) {
      assert.equal(queue.peek(), expected)
      queue.pop()
    }
    assert.equal(queue.peek(), undefined)
  })
})

describe('timers that move', () => {
  it('leave nothing behind', () => {
    const backend = openBackend()
    const timers = backend.namespacedTable<boolean>(table('timers', 'namespaced'))
    backend.setCurrentKey('a', 0)
    for (let time = 0; time < 50_000; time++) {
      timers.put(time + 1_000_000, true)
      timers.remove(time + 999_999)
    }
    assert.equal(timers.firstNamespace(), 1_049_999)
    assert.deepEqual(timers.namespaces(), [1_049_999])
    assert.equal(backend.usage()[0]?.entries, 1)
  })
})
