/** Merging the aggregates of consecutive parts gives what aggregating the whole gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { combineAggregates } from '../../src/aggregate/combine-aggregates.ts'
import { type AggregateFunction, average, count, countDistinct, first, last, max, min, sum } from '../../src/index.ts'

type Row = {
  readonly number: number
  readonly big: bigint
  readonly text: string
  readonly missing: number | null
  at: number
}

const row: fc.Arbitrary<Row> = fc.record({
  // Large ones, so that sums leave the range that numbers hold exactly.
  number: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.maxSafeInteger()),
  big: fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
  text: fc.string({ maxLength: 2 }),
  missing: fc.option(fc.integer()),
  at: fc.integer({ min: 0, max: 5 }),
})

const all = combineAggregates<Row, Readonly<Record<string, AggregateFunction<Row, unknown, unknown>>>>({
  count: count(),
  sum: sum((r: Row) => r.number),
  sumBig: sum((r: Row) => r.big),
  sumMissing: sum((r: Row) => r.missing),
  average: average((r: Row) => r.number),
  averageMissing: average((r: Row) => r.missing),
  min: min((r: Row) => r.number),
  maxText: max((r: Row) => r.text),
  maxBig: max((r: Row) => r.big),
  minMissing: min((r: Row) => r.missing),
  distinct: countDistinct((r: Row) => r.text),
  first: first((r: Row) => r),
  last: last((r: Row) => r),
} as never)

function accumulate(rows: readonly Row[]): unknown[] {
  return rows.reduce((accumulator, r) => all.add(accumulator, r, r.at), all.create())
}

test('merge of parts equals the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.array(row, { maxLength: 6 }), { minLength: 1, maxLength: 6 }), (parts) => {
      const merged = parts.map(accumulate).reduce((into, other) => all.merge?.(into, other) ?? into, all.create())
      assert.deepEqual(all.result(merged), all.result(accumulate(parts.flat())))
    }),
  )
})

test('merge is associative and leaves the other accumulator as it is', () => {
  const part = fc.array(row, { maxLength: 5 })
  const merge = (into: unknown[], other: unknown[]) => all.merge?.(into, other) ?? into
  fc.assert(
    fc.property(part, part, part, (a, b, c) => {
      const other = accumulate(b)
      const left = merge(merge(accumulate(a), other), accumulate(c))
      assert.deepEqual(other, accumulate(b))
      const right = merge(accumulate(a), merge(accumulate(b), accumulate(c)))
      assert.deepEqual(all.result(left), all.result(right))
    }),
  )
})

test('sums of whole numbers are those of bigints', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger()), (values) => {
      const total = sum((value: number) => value)
      const result = total.result(values.reduce((a, value) => total.add(a, value, 0), total.create()))
      const expected = Number(values.reduce((a, value) => a + BigInt(value), 0n))
      assert.equal(result, expected === 0 ? 0 : expected)
    }),
  )
})
