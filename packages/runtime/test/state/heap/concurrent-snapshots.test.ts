import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeWhole } from '@millrace/core'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'

const TABLE = { operatorUid: 'op', name: 'value', kind: 'value', version: 1, ttlMs: undefined } as const

test('a checkpoint that completes in between does not take away the base of a later delta', () => {
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: 0 },
    maxParallelism: 1,
    now: () => 0,
    monotonicMs: () => 0,
  })
  const table = backend.valueTable<number>(TABLE)
  const snapshot = (id: number, kind: 'base' | 'delta'): readonly string[] => {
    return encodeWhole(backend.beginSnapshot(id, () => kind)).map((piece) => piece.kind)
  }
  backend.setCurrentKey('a', 0)
  table.put(1)
  assert.deepEqual(snapshot(3, 'base'), ['base'])
  table.remove()
  // Begun before 3 was complete, so it knows of no base; and there is nothing to write.
  assert.deepEqual(snapshot(4, 'base'), [])
  backend.onCheckpointComplete(3)
  table.put(2)
  assert.deepEqual(snapshot(5, 'delta'), ['delta'])
  backend.onCheckpointComplete(4)
  backend.onCheckpointComplete(5)
  table.put(3)
  assert.deepEqual(snapshot(6, 'delta'), ['delta'])
})
