import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ValueColumn } from '../../../src/state/heap/value-column.ts'

/** A column that was compacted with four rows, as `EntryRows` does it, and has room for 64. */
function columnOf(values: readonly unknown[]): ValueColumn {
  const column = new ValueColumn()
  values.forEach((value, at) => {
    column.set(at, value)
  })
  column.compact(64)
  return column
}

const anyValue = fc.oneof(
  fc.double(),
  fc.array(fc.double(), { minLength: 1, maxLength: 2 }),
  fc.constantFrom<unknown>('text', true, null, [], [1, 'x'], [undefined], { a: 1 }, new Array(40).fill(1)),
)

describe('ValueColumn', () => {
  it('gives back what was set last, whatever comes after what', () => {
    fc.assert(
      fc.property(
        fc.array(anyValue, { minLength: 4, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(63), anyValue), { maxLength: 40 }),
        (first, later) => {
          const column = columnOf(first)
          const model = new Map<number, unknown>(first.entries())
          later.forEach(([at, value], index) => {
            if (index === 20) column.widen(128)
            column.set(at, value)
            model.set(at, value)
          })
          for (const [at, value] of model) assert.deepEqual(column.get(at), value)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('keeps numbers as they are', () => {
    const numbers = [Number.NaN, -0, Number.MIN_VALUE, Number.POSITIVE_INFINITY]
    for (const values of [numbers, numbers.map((number) => [number, 1])]) {
      const column = columnOf(values)
      values.forEach((value, at) => {
        assert.deepEqual(column.get(at), value)
      })
    }
  })

  it('does not change with an array that was set or got', () => {
    const set = [1, 2]
    const column = columnOf([[0, 0], [0, 0], [0, 0], set])
    set[0] = 5
    const got = column.get(3) as number[]
    got[1] = 7
    assert.deepEqual(column.get(3), [1, 2])
  })

  it('takes no account of values that were dropped', () => {
    const column = new ValueColumn()
    for (let at = 0; at < 4; at++) column.set(at, at === 2 ? 'gone' : [at])
    column.drop(2)
    column.compact(8)
    column.set(2, [9])
    assert.deepEqual(
      [0, 1, 2, 3].map((at) => column.get(at)),
      [[0], [1], [9], [3]],
    )
  })
})
