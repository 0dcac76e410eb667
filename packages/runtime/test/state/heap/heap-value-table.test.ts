/** Which values the heap holds in cells; that they are right is in the suite of all backends. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyGroupOf, type ValueCells, type ValueTable } from '@millrace/core'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'

function openTable(): { readonly backend: HeapStateBackend; readonly table: ValueTable<unknown>; cells: ValueCells } {
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: 7 },
    maxParallelism: 8,
    now: () => 0,
    monotonicMs: () => 0,
  })
  const table = backend.valueTable<unknown>({
    operatorUid: 'op',
    name: 't',
    kind: 'value',
    version: 1,
    ttlMs: undefined,
  })
  assert.ok(table.cells)
  return { backend, table, cells: table.cells }
}

describe('HeapValueTable', () => {
  for (const [what, keyOf] of [
    ['numbers', (n: number) => n],
    ['texts', String],
    ['arrays', (n: number) => [n, 1]],
  ] as const) {
    it(`has arrays of numbers in cells from the fifth entry on, under ${what}`, () => {
      const { backend, table, cells } = openTable()
      const select = (n: number) => backend.setCurrentKey(keyOf(n), keyGroupOf(keyOf(n), 8))
      for (let n = 0; n < 100; n++) {
        select(n)
        table.put([n, n + 1])
        assert.equal(cells.open(2) >= 0, n >= 4)
      }
      // The parts of a table grow: the numbers are those of the key, wherever they have gone.
      for (let n = 100; n < 10_000; n++) {
        select(n)
        table.put([n, n + 1])
      }
      for (let n = 0; n < 10_000; n++) {
        select(n)
        const at = cells.open(2)
        assert.deepEqual([cells.numbers[at], cells.numbers[at + 1]], [n, n + 1])
      }
    })
  }

  it('has none once something else was among them', () => {
    const { backend, table, cells } = openTable()
    for (let n = 0; n < 10; n++) {
      backend.setCurrentKey(n, keyGroupOf(n, 8))
      table.put([n])
    }
    assert.ok(cells.open(1) >= 0)
    table.put(['text'])
    assert.equal(cells.open(1), -1)
    backend.setCurrentKey(0, keyGroupOf(0, 8))
    assert.equal(cells.open(1), -1)
    assert.deepEqual(table.get(), [0])
  })

  it('opens no number that is no array', () => {
    const { backend, table, cells } = openTable()
    for (let n = 0; n < 10; n++) {
      backend.setCurrentKey(n, keyGroupOf(n, 8))
      table.put(n)
    }
    assert.equal(cells.open(1), -1)
  })

  it('goes on estimating the bytes of an entry where values change in cells', () => {
    const { backend, table, cells } = openTable()
    for (let n = 0; n < 8; n++) {
      backend.setCurrentKey(n, keyGroupOf(n, 8))
      table.put([1, 1])
    }
    const bytes = () => backend.usage()[0]?.bytesEstimate as number
    const before = bytes()
    for (let change = 0; change < 1_000; change++) cells.numbers.fill(0.5, cells.open(2), cells.open(2) + 2)
    // Fractions take more than whole numbers.
    assert.ok(bytes() > before, `${bytes()} after ${before}`)
  })
})
