import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HeldColumn } from '../../src/window/held-column.ts'
import type { Accumulator } from '../../src/window/window-contents.ts'

const CAPACITY = 8

const accumulators: fc.Arbitrary<Accumulator> = fc.oneof(
  { weight: 6, arbitrary: fc.double() },
  { weight: 6, arbitrary: fc.tuple(fc.double(), fc.double()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Accumulator>(null, 'text', 7n, { n: 1 }, [], [undefined], [1, 'a'], [1, 2, 3]),
  },
)

describe('HeldColumn', () => {
  it('gives back what was put in, whatever else came', () => {
    const steps = fc.array(fc.tuple(fc.nat(CAPACITY * 2 - 1), accumulators), { maxLength: 40 })
    fc.assert(
      fc.property(steps, (list) => {
        const column = new HeldColumn(CAPACITY)
        const other = new HeldColumn(CAPACITY)
        const expected = new Map<number, Accumulator>()
        list.forEach(([at, accumulator], index) => {
          if (index === 20) column.widen(CAPACITY * 2)
          const place = index < 20 ? at % CAPACITY : at
          if (index % 3 === 0) {
            other.set(at % CAPACITY, accumulator)
            column.take(place, other, at % CAPACITY)
          } else {
            column.set(place, accumulator)
          }
          expected.set(place, accumulator)
        })
        for (const [at, accumulator] of expected) assert.deepEqual(column.get(at), accumulator)
      }),
    )
  })

  it('keeps numbers and arrays of numbers typed, and gives arrays that are the reader’s own', () => {
    for (const [first, second] of [
      [1.5, -0],
      [[1], [2]],
      [
        [1, Number.NaN],
        [2, 3],
      ],
    ] as const) {
      const column = new HeldColumn(CAPACITY)
      column.set(0, first)
      column.set(1, second)
      assert.ok(column.numbers instanceof Float64Array)
      assert.deepEqual(column.get(0), first)
      assert.deepEqual(column.get(1), second)
      if (typeof first === 'number') continue
      ;(column.get(0) as number[])[0] = 99
      assert.deepEqual(column.get(0), first)
    }
  })

  it('takes nothing over from a place that has nothing', () => {
    const column = new HeldColumn(CAPACITY)
    column.set(0, [1])
    column.take(1, new HeldColumn(CAPACITY), 0)
    const general = new HeldColumn(CAPACITY)
    general.set(0, 'text')
    general.drop(0)
    column.take(1, general, 0)
    assert.ok(column.numbers !== undefined)
  })
})
