import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AggregateParts, combineAggregates } from '../../src/aggregate/combine-aggregates.ts'
import { aggregateFunction, count, max } from '../../src/index.ts'

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
