import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { type AggregateParts, combineAggregates, reducingAggregate } from '../../src/aggregate/combine-aggregates.ts'
import { aggregateFunction, count, countDistinct, first, max } from '../../src/index.ts'

const unmergeable = aggregateFunction({
  name: 'own',
  version: 3,
  create: () => 0,
  add: (a: number) => a,
  result: (a) => a,
})

test('results keep their names, accumulators the order of sorted names', () => {
  const combined = combineAggregates<number, AggregateParts<number>>({ worst: max((v: number) => v), all: count() })
  const accumulator = [1, 7, 3].reduce((a, value) => combined.add(a, value, 0), combined.create())
  assert.deepEqual(accumulator, [3, 7])
  assert.deepEqual(combined.result(accumulator), { all: 3, worst: 7 })
  assert.equal(combined.name, '{all: count, worst: max}')
  const rearranged = combineAggregates<number, AggregateParts<number>>({ all: count(), worst: max((v: number) => v) })
  assert.deepEqual(rearranged.result(accumulator), combined.result(accumulator))
})

test('the combination merges only when all parts do', () => {
  assert.notEqual(combineAggregates({ all: count() }).merge, undefined)
  assert.equal(combineAggregates({ all: count(), own: unmergeable }).merge, undefined)
})

test('a raised version of a part raises that of the whole', () => {
  assert.equal(combineAggregates({ all: count() }).version, 1)
  assert.equal(combineAggregates({ all: count(), own: unmergeable }).version, 3)
})

test('what is no aggregate is refused', () => {
  assert.throws(() => combineAggregates({}), { code: 'OPTION_INVALID' })
  assert.throws(() => combineAggregates({ all: count } as never), { code: 'OPTION_INVALID' })
  assert.throws(() => combineAggregates(count() as never), { code: 'OPTION_INVALID' })
})

test('parts that return promises are refused by name', () => {
  const later = () => Promise.reject(new Error('nobody waits for it'))
  const own = { name: 'own', create: () => 0, add: (a: number) => a, result: (a: number) => a, merge: (a: number) => a }
  for (const [name, part] of [
    ['own.create', { ...own, create: later }],
    ['own.add', { ...own, add: later }],
    ['own.merge', { ...own, merge: later }],
    ['own.result', { ...own, result: later }],
    ['own.result', first(later)],
    ['own.add', max(later as never)],
  ] as const) {
    const combined = combineAggregates<unknown, AggregateParts<unknown>>({ own: part as unknown as typeof own })
    const run = () => combined.result(combined.merge?.(combined.add(combined.create(), 1, 0), [0]) ?? [])
    assert.throws(run, {
      code: 'USER_FUNCTION_FAILED',
      message: `${name} returned a promise; its result is used at once`,
    })
  }
  const reducing = reducingAggregate<unknown>(later, { version: 1, evolution: undefined })
  assert.throws(() => reducing.add(reducing.add([], 1, 0), 2, 0), { code: 'USER_FUNCTION_FAILED', message: /promise/ })
})

test('the parts say where an accumulator is that they share', () => {
  interface Row {
    readonly user: string
    readonly page: string
  }
  const heldAt = (parts: AggregateParts<Row>) =>
    combineAggregates<Row, AggregateParts<Row>>(parts).parts?.map((part) => part.heldAt)
  assert.deepEqual(heldAt({ a: count(), b: countDistinct('user') }), [undefined, undefined])
  assert.deepEqual(
    heldAt({ a: count(), b: countDistinct('user'), c: countDistinct('page'), d: countDistinct('user') }),
    [undefined, 1, undefined, 1],
  )
})

test('an aggregate may have a schema of its accumulator, and nothing else in its place', () => {
  const own = { ...unmergeable, schema: z.number() }
  assert.equal(aggregateFunction(own).schema, own.schema)
  assert.throws(() => combineAggregates({ own: { ...own, schema: {} as never } }), {
    code: 'OPTION_INVALID',
    message: /own\.schema must be a Standard Schema/,
  })
})
