import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyGroupOf, type NamespacedTable } from '@millrace/core'
import { OpenChainsSnapshot, SegmentChains } from '@millrace/testing'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'

const KEY_GROUPS = 4
const TABLE = { operatorUid: 'op', name: 'windows', kind: 'namespaced', version: 1, ttlMs: undefined } as const
/** More than one part of rows, so that a map gives back buffers of several sizes. */
const KEYS = 6_000

type Windows = NamespacedTable<unknown>

function openBackend(): { backend: HeapStateBackend; windows: Windows } {
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: KEY_GROUPS - 1 },
    maxParallelism: KEY_GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
    encodeStepEntries: 64,
  })
  return { backend, windows: backend.namespacedTable<unknown>(TABLE) }
}

function fill(backend: HeapStateBackend, windows: Windows, namespace: number, given: (key: number) => unknown): void {
  for (let key = namespace; key < namespace + KEYS; key++) {
    backend.setCurrentKey(key, keyGroupOf(key, KEY_GROUPS))
    windows.put(namespace, given(key))
  }
}

function contentsOf(windows: Windows): Map<string, unknown> {
  const contents = new Map<string, unknown>()
  for (const namespace of windows.namespaces()) {
    const cursor = windows.cursor(namespace)
    while (cursor.next()) contents.set(`${namespace} ${cursor.key}`, cursor.value)
  }
  return contents
}

function restored(chains: SegmentChains): Map<string, unknown> {
  const { backend, windows } = openBackend()
  chains.restoreInto(backend)
  return contentsOf(windows)
}

describe('memory of namespaces that were dropped', () => {
  it('holds nothing of the one before, whatever its values were', () => {
    const { backend, windows } = openBackend()
    const shapes: ((key: number) => unknown)[] = [
      (key) => [key, -key],
      (key) => `text ${key}`,
      (key) => [key, 1],
      // One that is not like the others, in the middle.
      (key) => (key % KEYS === 5_000 ? 'text' : [key, 2]),
      (key) => key,
      (key) => [key, 3],
    ]
    for (const [at, given] of shapes.entries()) {
      const namespace = at * 3_000
      fill(backend, windows, namespace, given)
      assert.equal(windows.size(namespace), KEYS)
      backend.setCurrentKey(namespace - 1, keyGroupOf(namespace - 1, KEY_GROUPS))
      assert.equal(windows.get(namespace), undefined)
      const contents = contentsOf(windows)
      assert.equal(contents.size, KEYS)
      for (let key = namespace; key < namespace + KEYS; key++) {
        assert.deepEqual(contents.get(`${namespace} ${key}`), given(key))
      }
      windows.dropNamespace(namespace)
    }
  })

  it('is not used again before the times of its entries were taken back', () => {
    let nowMs = 0
    const backend = new HeapStateBackend({
      keyGroups: { first: 0, last: KEY_GROUPS - 1 },
      maxParallelism: KEY_GROUPS,
      now: () => nowMs,
      monotonicMs: () => 0,
    })
    const windows = backend.namespacedTable<unknown>({ ...TABLE, ttlMs: 1_000 })
    fill(backend, windows, 1, (key) => [key, 1])
    windows.dropNamespace(1)
    nowMs = 900
    fill(backend, windows, 10_000, (key) => [key, 2])
    while (!backend.sweepExpired(256));
    // Those of the first would have expired by now, those of the second have not.
    nowMs = 1_500
    assert.equal(backend.usage()[0]?.expiredEntries, 0)
  })

  for (const stepsBefore of [0, 3, 60, 150]) {
    it(`is not used again while a snapshot reads it: dropped after ${stepsBefore} steps of encoding`, () => {
      const { backend, windows } = openBackend()
      fill(backend, windows, 1, (key) => [key, 1])
      fill(backend, windows, 2, (key) => [key, 2])
      const expected = contentsOf(windows)
      const snapshot = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3)
      for (let step = 0; step < stepsBefore; step++) assert.equal(snapshot.step(), false)
      windows.dropNamespace(1)
      windows.dropNamespace(2)
      fill(backend, windows, 10_000, (key) => [key, 3])
      windows.dropNamespace(10_000)
      fill(backend, windows, 20_000, (key) => [key, 4])
      const chains = snapshot.finish()
      assert.deepEqual(restored(chains), expected)
      backend.onCheckpointComplete(1)
      const now = contentsOf(windows)
      assert.equal(now.size, KEYS)
      assert.deepEqual(restored(new OpenChainsSnapshot(backend, chains, 2, 3).finish()), now)
    })
  }
})
