/** Counts of different values that share them, against each by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { combineAggregates } from '../../src/aggregate/combine-aggregates.ts'
import {
  type AggregateFunction,
  count,
  countDistinct,
  DistinctValues,
  filtered,
  sharersAmong,
  valuesApart,
} from '../../src/index.ts'

interface Row {
  readonly user: number | string | null | undefined
  readonly price: number
}
type Part = AggregateFunction<Row, unknown, unknown>

const isCheap = ({ price }: Row) => price < 3
const isDear = ({ price }: Row) => price > 6
const userOf = ({ user }: Row) => user
const parts = {
  a: countDistinct<Row>('user'),
  b: count(),
  c: filtered(countDistinct<Row>('user'), isCheap),
  d: countDistinct(userOf),
  e: filtered(countDistinct<Row>('user'), isDear),
  f: filtered(countDistinct(userOf), isDear),
  g: countDistinct<Row>('price'),
} as unknown as Record<string, Part>
const combined = combineAggregates<Row, Record<string, Part>>(parts)

const rows = fc.array(
  fc.record({
    user: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constantFrom(null, undefined, 'x', Number.NaN, -0, 0.5)),
    price: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 40 },
)
const fold = (some: readonly Row[]) => some.reduce((a, row) => combined.add(a, row, 0), combined.create())

function expectedOf(some: readonly Row[]): Record<string, unknown> {
  const entries = Object.entries(parts).map(([name, part]) => {
    return [name, part.result(some.reduce((a, row) => part.add(a, row, 0), part.create()))]
  })
  return Object.fromEntries(entries)
}

test('the counts are those of each part by itself, also when they are merged', () => {
  fc.assert(
    fc.property(rows, rows, (some, others) => {
      assert.deepEqual(combined.result(fold(some)), expectedOf(some))
      const other = fold(others)
      assert.deepEqual(combined.result(combined.merge?.(fold(some), other) ?? []), expectedOf([...some, ...others]))
      assert.deepEqual(combined.result(other), expectedOf(others), 'the other stays as it is')
    }),
  )
})

test('the values are held once', () => {
  const accumulator = fold([{ user: 1, price: 1 }])
  assert.deepEqual(
    accumulator.map((part) => (part instanceof DistinctValues ? part.counts : part)),
    [3, 1, null, 2, null, null, 1],
  )
})

/** As each part stored it while it counted for itself: sets, or values of its own. */
function apart(some: readonly Row[], form: 'sets' | 'values'): unknown[] {
  const accumulator = fold(some)
  const names = Object.keys(parts)
  return names.map((name, index) => {
    if (name === 'b') return accumulator[index]
    const part = parts[name] as AggregateFunction<Row, DistinctValues, number>
    const values = some.reduce((a, row) => part.add(a, row, 0), part.create())
    if (form === 'values') return values
    const set = new Set<unknown>()
    values.forEach((value) => void set.add(value))
    return set
  })
}

test('what was stored by each part for itself goes on', () => {
  fc.assert(
    fc.property(rows, rows, fc.constantFrom('sets', 'values'), (before, after, form) => {
      const stored = () => apart(before, form)
      assert.deepEqual(combined.result(stored()), expectedOf(before))
      const goneOn = after.reduce((a, row) => combined.add(a, row, 0), stored())
      assert.deepEqual(combined.result(goneOn), expectedOf([...before, ...after]))
      const other = stored()
      const merged = combined.merge?.(fold(after), other) ?? []
      assert.deepEqual(combined.result(merged), expectedOf([...after, ...before]))
      assert.equal(other.filter((part) => part === null).length, 0, 'the other stays as it is')
    }),
  )
})

test('each part gets its own values back, whether they were put together or not', () => {
  const groups = sharersAmong(combined.parts ?? [])
  assert.deepEqual(groups, [
    [0, 2, 4],
    [3, 5],
  ])
  fc.assert(
    fc.property(rows, fc.constantFrom('together', 'sets', 'values'), (some, form) => {
      const stored = form === 'together' ? fold(some) : apart(some, form)
      const before = combined.result(structureOf(stored))
      for (const sharers of groups) {
        for (const place of sharers) {
          const own = valuesApart(stored, sharers, place)
          assert.equal(own.counts, 1)
          assert.equal(own.size(), before[Object.keys(parts)[place] as string])
        }
      }
      assert.deepEqual(combined.result(stored), before, 'what was stored stays as it is')
    }),
  )
})

/** The same accumulators in an array of their own: results may put them together in it. */
const structureOf = (accumulators: readonly unknown[]): unknown[] => [...accumulators]

test('what fewer or other parts have shared is refused', () => {
  const pair = { a: countDistinct<Row>('user'), c: filtered(countDistinct<Row>('user'), isCheap) }
  const apartNow = { a: countDistinct<Row>('user'), c: countDistinct(userOf) }
  const more = { ...pair, d: filtered(countDistinct<Row>('user'), isDear) }
  const of = (some: object) => combineAggregates<Row, Record<string, Part>>(some as Record<string, Part>)
  const stored = () => of(pair).add(of(pair).create(), { user: 1, price: 1 }, 0)
  const refusal = { code: 'STATE_MISREAD' }
  for (const other of [of(apartNow), of(more)]) {
    const row = { user: 2, price: 2 }
    const filled = () => [...stored(), ...(other === of(more) ? [new DistinctValues()] : [])]
    assert.throws(() => other.add(filled(), row, 0), refusal)
    assert.throws(() => other.result(filled()), refusal)
    assert.throws(() => other.merge?.(other.create(), filled()), refusal)
  }
})

test('more counts than one mark has bits share in groups', () => {
  const many = Object.fromEntries(
    Array.from({ length: 2 * DistinctValues.COUNTS_MAX + 1 }, (_, i) => [
      `part-${String(i).padStart(2, '0')}`,
      filtered(countDistinct<Row>('user'), ({ price }: Row) => price >= i),
    ]),
  ) as unknown as Record<string, Part>
  const all = combineAggregates<Row, Record<string, Part>>(many)
  const accumulator = all.create()
  for (let price = 0; price < 100; price++) all.add(accumulator, { user: price, price }, 0)
  const results = Object.values(all.result(accumulator))
  assert.deepEqual(
    results,
    results.map((_, i) => 100 - i),
  )
})
