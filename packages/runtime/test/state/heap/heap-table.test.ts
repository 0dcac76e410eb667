/** What the heap keeps of what was deleted: no more than a snapshot may have to say. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeWhole, type TableDescriptor } from '@millrace/core'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'
import type { HeapTable } from '../../../src/state/heap/heap-table.ts'

const VALUES: TableDescriptor = { operatorUid: 'op', name: 'values', kind: 'value', version: 1, ttlMs: undefined }
const MAPS: TableDescriptor = { ...VALUES, name: 'maps', kind: 'map' }
const WINDOWS: TableDescriptor = { ...VALUES, name: 'windows', kind: 'namespaced' }

describe('what was deleted on the heap', () => {
  it('leaves nothing behind where only checkpoints knew it that failed', () => {
    const { backend, value, map, windows } = open()
    select(backend, 'first')
    value.put(0)
    assert.equal(said(backend, 1, 'base'), 1)
    backend.onCheckpointComplete(1)
    for (let id = 2; id < 40; id++) {
      for (let each = 0; each < 20; each++) {
        select(backend, `${id}/${each}`)
        value.put(id)
        map.put('inner', id)
        windows.put(id * 100 + each, id)
      }
      // The checkpoint fails when some is gone already, and some still to go.
      const begun = backend.beginSnapshot(id, () => 'delta')
      for (let each = 0; each < 20; each++) {
        if (each === 10) {
          encodeWhole(begun)
          backend.onCheckpointAborted(id)
        }
        select(backend, `${id}/${each}`)
        value.remove()
        map.remove()
        windows.dropNamespace(id * 100 + each)
      }
    }
    assert.ok(deleted(value) <= 10, `${deleted(value)} deletions are kept`)
    assert.equal(said(backend, 40, 'delta'), 0)
    assert.deepEqual([deleted(value), deleted(map), deleted(windows)], [0, 0, 0])
    backend.onCheckpointComplete(40)
    assert.deepEqual(
      backend.usage().map(({ entries }) => entries),
      [1, 0, 0],
    )
  })

  it('is said as long as a checkpoint may become complete that knows it', () => {
    const { backend, value, map, windows } = open()
    const put = (): void => {
      select(backend, 'a')
      value.put(1)
      map.put('inner', 1)
      windows.put(100, 1)
    }
    const remove = (): void => {
      select(backend, 'a')
      value.remove()
      map.remove()
      windows.dropNamespace(100)
    }
    put()
    assert.equal(said(backend, 1, 'base'), 3)
    remove()
    // One is under way that has them, so this one may follow it.
    assert.equal(said(backend, 2, 'base'), 0)
    backend.onCheckpointAborted(2)
    backend.onCheckpointComplete(1)
    assert.equal(said(backend, 3, 'delta'), 3)
    backend.onCheckpointAborted(3)
    put()
    remove()
    assert.equal(said(backend, 4, 'delta'), 3)
    backend.onCheckpointComplete(4)
    assert.equal(said(backend, 5, 'base'), 0)
  })

  it('stays where a snapshot has it that is being encoded', () => {
    const { backend, value } = open()
    select(backend, 'a')
    value.put(1)
    const first = backend.beginSnapshot(1, () => 'base')
    value.remove()
    const [piece] = encodeWhole(first)
    assert.equal(piece?.entries, 1, 'it was there when it began')
    backend.onCheckpointComplete(1)
    assert.equal(said(backend, 2, 'delta'), 1)
  })
})

describe('a map with a time to live that was removed from the heap', () => {
  for (const entries of [10, 20_000]) {
    it(`is gone from what is counted as expiring, ${entries} entries`, () => {
      let nowMs = 0
      const backend = new HeapStateBackend({
        keyGroups: { first: 0, last: 0 },
        maxParallelism: 1,
        now: () => nowMs,
        monotonicMs: () => 0,
      })
      const table = backend.mapTable<number, number>({ ...MAPS, ttlMs: 1_000 })
      const fill = (key: string): void => {
        select(backend, key)
        for (let userKey = 0; userKey < entries; userKey++) table.put(userKey, 1)
      }
      fill('first')
      table.remove()
      fill('second')
      table.delete(1)
      table.remove()
      select(backend, 'third')
      table.put(1, 1)
      const isLeft = entries > 10
      assert.equal(backend.sweepDueMs() === nowMs, isLeft, 'what is left is done bit by bit')
      assert.equal(backend.usage()[0]?.entries, 1)
      nowMs = 5_000
      assert.equal(backend.usage()[0]?.expiredEntries, 1)
      if (isLeft) {
        backend.sweepExpired(1_000)
        assert.equal(backend.usage()[0]?.entries, 1)
      }
      while (!backend.sweepExpired(1_000));
      const { entries: left, expiredEntries } = backend.usage()[0] ?? {}
      assert.deepEqual([left, expiredEntries, backend.sweepDueMs()], [0, 0, undefined])
    })
  }
})

function open() {
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: 0 },
    maxParallelism: 1,
    now: () => 0,
    monotonicMs: () => 0,
  })
  return {
    backend,
    value: backend.valueTable<number>(VALUES),
    map: backend.mapTable<string, number>(MAPS),
    windows: backend.namespacedTable<number>(WINDOWS),
  }
}

function select(backend: HeapStateBackend, key: string): void {
  backend.setCurrentKey(key, 0)
}

/** Takes a whole snapshot; returns what it says, deletions too. */
function said(backend: HeapStateBackend, id: number, kind: 'base' | 'delta'): number {
  return encodeWhole(backend.beginSnapshot(id, () => kind)).reduce((sum, { entries }) => sum + entries, 0)
}

/** Deletions that a table keeps. */
function deleted(table: unknown): number {
  return (table as HeapTable).map.deleted
}
