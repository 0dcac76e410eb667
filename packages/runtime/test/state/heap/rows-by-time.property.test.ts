/** Rows by time against a map of sets; rows are given again, as those of a table are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RowsByTime } from '../../../src/state/heap/rows-by-time.ts'

const steps = fc.array(fc.record({ row: fc.nat(60), time: fc.constantFrom(-5, 0, 1.5, 7, 8, 9, 1e12) }), {
  maxLength: 400,
})

test('finds the earliest time and the rows of each, whatever comes and goes', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const rows = new RowsByTime()
      const model = new Map<number, number>()
      for (const { row, time } of run) {
        if (model.has(row)) {
          rows.remove(row)
          model.delete(row)
        } else {
          rows.add(row, time)
          model.set(row, time)
        }
        const times = [...new Set(model.values())].sort((a, b) => a - b)
        assert.equal(rows.first, times[0])
        assert.deepEqual(rows.times(), times)
        for (const each of times) {
          const expected = [...model].filter(([, at]) => at === each).map(([at]) => at)
          assert.deepEqual(new Set(rows.rowsAt(each)), new Set(expected))
          assert.equal(rows.rowsAt(each).length, expected.length)
        }
        assert.equal(rows.has(row, time), model.get(row) === time)
      }
    }),
  )
})

test('a time that is set and taken back again and again leaves nothing behind', () => {
  const rows = new RowsByTime()
  for (let i = 0; i < 10_000; i++) {
    rows.add(3, i)
    rows.remove(3)
  }
  assert.equal(rows.first, undefined)
  rows.add(3, 5)
  assert.equal(rows.first, 5)
})
