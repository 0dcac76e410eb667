/** In cells a combination does what it does on arrays of numbers, and leaves them alone where it cannot. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { aggregateInCells, asSmallInteger } from '../../src/aggregate/aggregate-in-cells.ts'
import { combineAggregates } from '../../src/aggregate/combine-aggregates.ts'
import { type AggregateFunction, average, count, countDistinct, filtered, max, min, sum } from '../../src/index.ts'

interface Row {
  readonly value: unknown
  readonly isSmall: boolean
}
type Part = AggregateFunction<Row, unknown, unknown>

const boom = new Error('boom')
const select = ({ value }: Row) => {
  if (value === 'boom') throw boom
  return value as never
}
const isSmall = (row: Row) => row.isSmall

const PARTS: Readonly<Record<string, Part>> = Object.fromEntries(
  [count(), sum(select), sum<Row>('value' as never), min(select), max(select)]
    .flatMap((part) => [part, filtered(part as Part, isSmall), filtered(filtered(part as Part, isSmall), isSmall)])
    .map((part, index) => [`${part.name}-${index}`, part as Part]),
)

const anyNumber = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.constantFrom(-0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, Number.MAX_SAFE_INTEGER, -(2 ** 53) + 1),
)
const rowsOf = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.record({ value, isSmall: fc.boolean() }), { minLength: 1, maxLength: 12 })
const someRows = fc.oneof(
  rowsOf(anyNumber),
  rowsOf(fc.oneof(anyNumber, fc.constantFrom(null, undefined))),
  rowsOf(fc.oneof({ weight: 6, arbitrary: anyNumber }, fc.constantFrom(1n, 'text', 'boom', null))),
)

/** The accumulator after a record, or what was thrown. */
function attempt(add: () => unknown): unknown {
  try {
    return { added: add() }
  } catch (error) {
    return error
  }
}

describe('aggregates in cells', () => {
  it('do what they do on arrays', () => {
    let inPlace = 0
    const anyParts = fc.subarray(Object.keys(PARTS), { minLength: 1 })
    fc.assert(
      fc.property(anyParts, someRows, fc.nat(3), (names, rows, at) => {
        const combined = combineAggregates<Row, Record<string, Part>>(
          Object.fromEntries(names.map((name) => [name, PARTS[name] as Part])),
        )
        const inCells = aggregateInCells(combined)
        assert.ok(inCells)
        assert.equal(inCells.width, names.length)
        let accumulator = combined.create()
        for (const row of rows) {
          if (accumulator.every((part) => typeof part === 'number')) {
            const cells = new Float64Array(at + names.length + 2).fill(7)
            cells.set(accumulator as number[], at)
            const before = cells.slice()
            assert.deepEqual(inCells.result(cells, at), combined.result(accumulator))
            const expected = attempt(() => combined.add([...accumulator], row, 0))
            const found = attempt(() => inCells.add(cells, at, row, 0))
            if (expected instanceof Error) {
              assert.ok(found instanceof Error)
              assert.equal(found.message, expected.message)
              assert.deepEqual(cells, before)
              return
            }
            const { added } = expected as { added: unknown[] }
            if (added.every((part) => typeof part === 'number')) {
              inPlace++
              assert.deepEqual(found, { added: undefined })
              before.set(added as number[], at)
            } else {
              assert.deepEqual(found, { added })
            }
            assert.deepEqual(cells, before)
          }
          const next = attempt(() => combined.add(accumulator, row, 0))
          if (next instanceof Error) return
          accumulator = (next as { added: unknown[] }).added
        }
      }),
    )
    assert.ok(inPlace > 50, `only ${inPlace} records were taken in place`)
  })

  it('are those whose accumulators can all be numbers, and not a copy with other functions', () => {
    const inCells = (parts: Record<string, unknown>) =>
      aggregateInCells(combineAggregates(parts as Record<string, Part>)) !== undefined
    assert.equal(inCells({ n: count(), least: min(select) }), true)
    for (const other of [average(select), countDistinct(select), { ...count() }]) {
      assert.equal(inCells({ n: count(), other }), false)
    }
    const combined = combineAggregates({ n: count() })
    assert.equal(aggregateInCells({ ...combined }), undefined)
    assert.ok(Object.isFrozen(combined))
  })

  it('have results with the same numbers', () => {
    fc.assert(
      fc.property(fc.oneof(anyNumber, fc.integer()), (value) => assert.ok(Object.is(asSmallInteger(value), value))),
    )
    for (const value of [0, -0, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32, 0.5]) {
      assert.ok(Object.is(asSmallInteger(value), value))
    }
  })
})
