/** A combination does what its parts do by themselves, whatever the records hold: values, accumulators and refusals. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { combineAggregates } from '../../src/aggregate/combine-aggregates.ts'
import { type AggregateFunction, average, count, countDistinct, first, last, max, min, sum } from '../../src/index.ts'

interface Row {
  readonly value: unknown
  readonly at: number
}
type Part = AggregateFunction<Row, unknown, unknown>

const select = ({ value }: Row) => value as never
const field = 'value' as never

/** Every aggregate that is written out, by a function and by a field, and one that is called. */
const PARTS: Readonly<Record<string, Part>> = Object.fromEntries(
  [
    count(),
    sum(select),
    sum(field),
    average(select),
    average(field),
    min(select),
    min(field),
    max(select),
    max(field),
    countDistinct(select),
    countDistinct(field),
    first(select),
    first(field),
    last(select),
    last(field),
    {
      name: 'texts',
      create: () => [],
      add: (texts: string[], { value }: Row) => [...texts, String(value)],
      result: (texts: string[]) => texts,
      merge: (into: string[], other: string[]) => [...into, ...other],
    },
  ].map((part, index) => [`${part.name}-${index}`, part as unknown as Part]),
)

const numbers = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
)
const bigints = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
const others = fc.oneof(fc.string({ maxLength: 2 }), fc.boolean(), fc.date({ noInvalidDate: true }))
const missing = fc.constantFrom(null, undefined)

const rowsOf = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.record({ value, at: fc.integer({ min: 0, max: 5 }) }), { maxLength: 8 })
const someRows = fc.oneof(
  rowsOf(fc.oneof(numbers, missing)),
  rowsOf(fc.oneof(bigints, missing)),
  rowsOf(fc.oneof(fc.string({ maxLength: 2 }), missing)),
  rowsOf(fc.oneof(numbers, bigints, others, missing)),
)

/** The accumulator, or what was thrown. */
function fold<A>(aggregate: AggregateFunction<Row, A, unknown>, rows: readonly Row[]): A | Error {
  try {
    return rows.reduce((accumulator, row) => aggregate.add(accumulator, row, row.at), aggregate.create())
  } catch (error) {
    return error as Error
  }
}

test('a combination takes in, gives and merges what each part does by itself', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(PARTS)), someRows, someRows, (name, rows, otherRows) => {
      const part = PARTS[name] as Part
      const combined = combineAggregates<Row, Record<string, Part>>({ [name]: part })
      const expected = fold(part, rows)
      const whole = fold(combined, rows)
      if (expected instanceof Error) {
        assert.ok(whole instanceof Error, `${expected.message} was not refused`)
        assert.equal(whole.message, expected.message)
        return
      }
      assert.deepEqual(whole, [expected])
      const result = combined.result(whole as unknown[])
      assert.deepEqual(result, { [name]: part.result(expected) })
      const isObject = typeof result[name] === 'object' && result[name] !== null
      assert.equal(combined.holdsObjects?.(result), isObject)

      const other = fold(part, otherRows)
      if (other instanceof Error) return
      const merge = (into: () => unknown): unknown => {
        try {
          return into()
        } catch (error) {
          return (error as Error).message
        }
      }
      const mergedAlone = merge(() => part.result(part.merge?.(fold(part, rows), other)))
      const merged = merge(() => combined.result(combined.merge?.(whole as unknown[], [other]) ?? [])[name])
      assert.deepEqual(merged, mergedAlone)
    }),
  )
})

test('parts beside each other do not meet', () => {
  const parts = { ...PARTS }
  // They refuse values of some kinds.
  for (const name of Object.keys(parts)) if (/^(sum|average)/.test(name)) delete parts[name]
  const combined = combineAggregates<Row, Record<string, Part>>(parts)
  fc.assert(
    fc.property(rowsOf(fc.oneof(numbers, missing)), (rows) => {
      const expected = Object.entries(parts).map(([name, part]) => [name, part.result(fold(part, rows))])
      assert.deepEqual(combined.result(fold(combined, rows) as unknown[]), Object.fromEntries(expected))
    }),
  )
})

test('names of results and fields may be any text', () => {
  const strange = ['__proto__', 'constructor', '"', "'", '\u2028', '\\', '`', '*/', '1', ''] as const
  for (const name of strange) {
    const record = JSON.parse(`{${JSON.stringify(name)}: 7}`) as Record<string, number>
    const parts = Object.fromEntries([[name, sum<Record<string, number>>(name)]])
    const combined = combineAggregates<Record<string, number>, typeof parts>(parts)
    const result = combined.result(combined.add(combined.create(), record, 0))
    assert.deepEqual(Object.entries(result), [[name, 7]])
  }
})

test('a copy with other functions is no longer what it was made of', () => {
  const doubled = { ...count(), add: (records: number) => records + 2 }
  const combined = combineAggregates({ doubled })
  assert.deepEqual(combined.result(combined.add(combined.create(), {}, 0)), { doubled: 2 })
})
