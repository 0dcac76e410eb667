import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AggregateFunction, average, count, countDistinct, first, last, max, min, sum } from '../../src/index.ts'

type Row = { readonly v?: unknown }

// biome-ignore lint/suspicious/noExplicitAny: the table holds aggregates of every type
function resultOf(aggregate: AggregateFunction<any, any, any>, values: readonly unknown[]): unknown {
  let accumulator = aggregate.create()
  values.forEach((v, timestamp) => {
    accumulator = aggregate.add(accumulator, { v }, timestamp)
  })
  return aggregate.result(accumulator)
}

const select = (row: Row) => row.v as never

test('results', () => {
  const big = Number.MAX_SAFE_INTEGER
  const cases: readonly [unknown, readonly unknown[], unknown][] = [
    [count(), [], 0],
    [count(), [1, null, 'x'], 3],
    [sum(select), [], 0],
    [sum(select), [1, 2.5, null, undefined], 3.5],
    [sum(select), [big, big, big, -big, -big], big],
    [sum(select), [big, 2, -2, 1, -1], big],
    [sum(select), [1n, 2n ** 70n], 2n ** 70n + 1n],
    [average(select), [], undefined],
    [average(select), [null], undefined],
    [average(select), [1, 2, null], 1.5],
    [average(select), [big, big, big, big], big],
    [average(select), [1n, 4n], 2.5],
    [min(select), [], undefined],
    [min(select), [3, -1, 2, null], -1],
    [min(select), ['b', 'a', 'c'], 'a'],
    [max(select), ['b', 'a', 'c'], 'c'],
    [max(select), [3n, 5n, -9n], 5n],
    [max(select), [1, Number.NaN, 2], Number.NaN],
    [min(select), [Number.NaN, 2], Number.NaN],
    [countDistinct(select), [], 0],
    [countDistinct(select), [1, 1, '1', 1n, true, null, undefined], 4],
    [first(select), [], undefined],
    [first(select), [null, 'a', 'b'], 'a'],
    [last(select), ['a', 'b', undefined], 'b'],
    [max('v' as never), [1, 9, 3], 9],
  ]
  for (const [aggregate, values, expected] of cases) {
    const aggregateFunction = aggregate as AggregateFunction<Row, unknown, unknown>
    assert.deepEqual(resultOf(aggregateFunction, values), expected, `${aggregateFunction.name} of ${values.join()}`)
  }
})

test('first and last go by timestamp, then by arrival', () => {
  const rows = [
    ['a', 5],
    ['b', 3],
    ['c', 3],
    ['d', 9],
    ['e', 9],
    ['f', 4],
  ] as const
  const fold = <A>(aggregate: AggregateFunction<string, A, unknown>) =>
    aggregate.result(rows.reduce((a, [value, at]) => aggregate.add(a, value, at), aggregate.create()))
  assert.equal(fold(first((value: string) => value)), 'b')
  assert.equal(fold(last((value: string) => value)), 'e')
})

test('what an aggregate cannot take is refused', () => {
  assert.throws(() => resultOf(countDistinct(select), [new Date()]), { code: 'USER_FUNCTION_FAILED' })
  assert.throws(() => resultOf(sum(select), [1, 2n]), { code: 'USER_FUNCTION_FAILED' })
  assert.throws(() => sum(3 as never), { code: 'OPTION_INVALID' })
})

test('sums and averages refuse what is no number', () => {
  for (const [value, message] of [
    ['55', /the text "55"/],
    ['', /the text ""/],
    [true, /type boolean/],
    [[9], /type object/],
    [new Date(5), /type object/],
  ] as const) {
    for (const aggregate of [sum(select), average(select)]) {
      assert.throws(() => resultOf(aggregate, [value]), { code: 'USER_FUNCTION_FAILED', message })
      assert.throws(() => resultOf(aggregate, [7, value]), { code: 'USER_FUNCTION_FAILED', message })
    }
  }
})
