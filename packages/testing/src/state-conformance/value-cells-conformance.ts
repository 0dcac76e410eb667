/**
 * What value tables must do that offer their values in cells (`ValueCells`). Of a table that offers none, or of a value
 * that does not stand in any, the same is asked by `get` and `put`.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type KeyedStateBackend,
  keyGroupOf,
  keyGroupRange,
  type TableDescriptor,
  type ValueTable,
} from '@millrace/core'
import type { CreateBackend } from './create-backend.ts'
import { OpenChainsSnapshot, SegmentChains } from './segment-chains.ts'

const MAX_PARALLELISM = 8
const KEYS = Array.from({ length: 40 }, (_, index) => index)
const TABLE: TableDescriptor = { operatorUid: 'op', name: 'cells', kind: 'value', version: 1, ttlMs: undefined }

type Values = ValueTable<unknown>

/** Registers the tests. */
export function valueCellsConformance(name: string, create: CreateBackend): void {
  const open = (now: () => number = () => 0) =>
    create({ keyGroups: keyGroupRange(0, 1, MAX_PARALLELISM), maxParallelism: MAX_PARALLELISM, now })

  describe(`${name}: values in cells`, () => {
    it('are what is put, and are changed for good', () => {
      const backend = open()
      const table = filled(backend)
      for (const key of KEYS) {
        select(backend, key)
        assert.equal(
          changeAt(table, 3, 1, (second) => second * 2),
          key + 0.5,
        )
        assert.deepEqual(table.get(), [key, (key + 0.5) * 2, -0])
        table.put([1, 2, 3])
        assert.equal(
          changeAt(table, 3, 2, () => Number.NaN),
          3,
        )
        assert.deepEqual(table.get(), [1, 2, Number.NaN])
      }
    })

    it('leave alone what was read', () => {
      const backend = open()
      const table = filled(backend)
      select(backend, 7)
      const read = table.get()
      changeAt(table, 3, 0, () => 99)
      assert.deepEqual(read, [7, 7.5, -0])
    })

    it('are not opened where there is no such value', () => {
      const backend = open()
      const table = filled(backend)
      const { cells } = table
      const placeOf = (key: number, width: number) => {
        select(backend, key)
        return cells?.open(width) ?? -1
      }
      assert.equal(placeOf(99, 3), -1, 'no value')
      assert.equal(placeOf(7, 2), -1, 'fewer cells')
      assert.equal(placeOf(7, 4), -1, 'more cells')
      table.remove()
      assert.equal(placeOf(7, 3), -1, 'removed')
      select(backend, 8)
      for (const other of [[1, 2], [1, 2, '3'], [1, 2, 3n], 5, 'text', null, { a: 1 }]) {
        table.put(other)
        assert.equal(placeOf(8, 3), -1)
        assert.deepEqual(table.get(), other)
      }
      select(backend, 9)
      assert.deepEqual(table.get(), [9, 9.5, -0])
    })

    it('are in a snapshot as they were when it began', () => {
      const backend = open()
      const table = filled(backend)
      const snapshot = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3)
      for (const key of KEYS) {
        select(backend, key)
        for (let again = 0; again < 2; again++) changeAt(table, 3, 0, (first) => first + 1_000)
        if (key % 5 === 0) snapshot.step()
      }
      assert.deepEqual(
        restored(open(), snapshot.finish()),
        KEYS.map((key) => [key, key + 0.5, -0]),
      )
    })

    it('are in a delta when they have changed, and in the next one when it was aborted', () => {
      const backend = open()
      const table = filled(backend)
      const first = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3).finish()
      backend.onCheckpointComplete(1)
      const changed = [3, 20]
      for (const key of changed) {
        select(backend, key)
        changeAt(table, 3, 0, () => -1)
      }
      new OpenChainsSnapshot(backend, first, 2, 3).finish()
      backend.onCheckpointAborted(2)
      const third = new OpenChainsSnapshot(backend, first, 3, 3).finish()
      const deltas = third.segments.filter(({ ref }) => ref.kind === 'delta')
      assert.equal(
        deltas.reduce((total, { ref }) => total + ref.entries, 0),
        changed.length,
      )
      const expected = KEYS.map((key) => [changed.includes(key) ? -1 : key, key + 0.5, -0])
      assert.deepEqual(restored(open(), third), expected)
    })

    it('expire, and live on from their last change', () => {
      let now = 1_000
      const backend = open(() => now)
      const table = filled(backend, { ...TABLE, ttlMs: 100 })
      now = 1_050
      select(backend, 7)
      changeAt(table, 3, 0, () => 70)
      now = 1_100
      assert.deepEqual(table.get(), [70, 7.5, -0])
      select(backend, 8)
      assert.equal(table.cells?.open(3) ?? -1, -1)
      assert.equal(table.get(), undefined)
      table.put([1, 2, 3])
      assert.equal(
        changeAt(table, 3, 1, () => 0),
        2,
      )
    })
  })
}

/** A table with the value `[key, key + 0.5, −0]` under each key. */
function filled(backend: KeyedStateBackend, descriptor = TABLE): Values {
  const table: Values = backend.valueTable<unknown>(descriptor)
  for (const key of KEYS) {
    select(backend, key)
    table.put([key, key + 0.5, -0])
  }
  return table
}

function restored(backend: KeyedStateBackend, chains: SegmentChains): unknown[] {
  chains.restoreInto(backend)
  const table = backend.valueTable<unknown>(TABLE)
  return KEYS.map((key) => {
    select(backend, key)
    return table.get()
  })
}

/** Changes one of the numbers of the current key's value, in its cell if it stands in one, and returns what it was. */
export function changeAt(
  table: ValueTable<unknown>,
  width: number,
  index: number,
  change: (value: number) => number,
): number | undefined {
  const { cells } = table
  const at = cells?.open(width) ?? -1
  // What was read is not changed where it stands, in either way.
  const numbers = cells === undefined || at < 0 ? [...(table.get() as number[])] : cells.numbers
  const place = at < 0 ? index : at + index
  const before = numbers[place] as number
  numbers[place] = change(before)
  if (at < 0) table.put(numbers)
  return before
}

function select(backend: KeyedStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, backend.maxParallelism))
}
