import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { combineAggregates } from '../../src/aggregate/combine-aggregates.ts'
import {
  type AggregateFunction,
  aggregateFunction,
  average,
  count,
  countDistinct,
  filtered,
  first,
  last,
  max,
  min,
  sum,
} from '../../src/index.ts'

type Part = AggregateFunction<number, unknown, unknown>

const itself = (value: number) => value
const isOdd = (value: number) => value % 2 === 1
const texts = aggregateFunction({
  name: 'texts',
  create: (): string[] => [],
  add: (kept, value: number) => [...kept, String(value)],
  result: (kept) => kept.join(),
  merge: (into, other) => [...into, ...other],
})

/** By itself, and as part of a combination. */
function resultsOf(aggregate: Part, ...batches: readonly (readonly number[])[]): readonly unknown[] {
  const combined = combineAggregates<number, Record<string, Part>>({ part: aggregate, all: count() as unknown as Part })
  const fold = <A>(of: AggregateFunction<number, A, unknown>) =>
    batches
      .map((batch) => batch.reduce((accumulator, value) => of.add(accumulator, value, value), of.create()))
      .reduce((into, other) => of.merge?.(into, other) as A)
  const { part, all } = combined.result(fold(combined)) as { part: unknown; all: unknown }
  assert.equal(all, batches.flat().length)
  return [aggregate.result(fold(aggregate)), part]
}

describe('filtered', () => {
  it('aggregates the records for which the condition holds', () => {
    const cases: readonly (readonly [unknown, unknown, unknown])[] = [
      [count(), 3, 0],
      [sum(itself), 15, 0],
      [average(itself), 5, undefined],
      [min(itself), 3, undefined],
      [max(itself), 7, undefined],
      [countDistinct(itself), 3, 0],
      [first(itself), 3, undefined],
      [last(itself), 7, undefined],
      [texts, '5,7,3', undefined],
    ]
    for (const [aggregate, some, nothing] of cases) {
      const odd = filtered(aggregate as Part, isOdd)
      assert.deepEqual(resultsOf(odd, [2, 5, 7, 4, 3]), [some, some], odd.name)
      assert.deepEqual(resultsOf(odd, [2, 5], [4], [7, 3, 8]), [some, some], odd.name)
      assert.deepEqual(resultsOf(odd, [2], [], [4, 6]), [nothing, nothing], odd.name)
    }
  })

  it('asks a further condition only where the first one holds', () => {
    const asked: number[] = []
    const isLarge = (value: number) => {
      asked.push(value)
      return value > 4
    }
    assert.deepEqual(
      resultsOf(filtered(filtered(sum(itself), isLarge), isOdd) as unknown as Part, [1, 2, 9, 6, 5]),
      [14, 14],
    )
    assert.deepEqual(asked, [1, 9, 5, 1, 9, 5])
  })

  it('asks a condition that several parts have once for each record', () => {
    let asked = 0
    const isAsked = (value: number) => {
      asked++
      return isOdd(value)
    }
    const combined = combineAggregates<number, Record<string, Part>>({
      a: filtered(count(), isAsked) as unknown as Part,
      b: filtered(sum(itself), isAsked) as unknown as Part,
      c: filtered(countDistinct(itself), isAsked) as unknown as Part,
    })
    const accumulator = [1, 2, 3].reduce((a, value) => combined.add(a, value, 0), combined.create())
    assert.deepEqual(combined.result(accumulator), { a: 2, b: 4, c: 2 })
    assert.equal(asked, 3)
  })

  it('does not ask an aggregate of the user for a result before it had a record', () => {
    const strict = aggregateFunction({
      name: 'strict',
      version: 3,
      create: (): number[] => [],
      add: (kept, value: number) => [...kept, value],
      result(kept) {
        assert.notEqual(kept.length, 0)
        return kept.length
      },
    })
    const odd = filtered(strict, isOdd)
    assert.equal(odd.merge, undefined)
    assert.equal(odd.version, 3)
    assert.equal(odd.result(odd.add(odd.create(), 2, 0)), undefined)
    assert.equal(odd.result(odd.add(odd.create(), 3, 0)), 1)
    const withDefault = filtered({ ...strict, ofNothing: 0 }, isOdd)
    assert.equal(withDefault.result(withDefault.create()), 0)
  })

  it('refuses what it cannot use', () => {
    assert.throws(() => filtered(count as never, isOdd), { code: 'OPTION_INVALID' })
    assert.throws(() => filtered(count(), 'odd' as never), { code: 'OPTION_INVALID' })
    const later = (() => Promise.reject(new Error('nobody waits for it'))) as never
    const refusal = { code: 'USER_FUNCTION_FAILED', message: /^The condition of filtered returned a promise/ }
    for (const part of [count(), texts]) {
      const aggregate = filtered<number, unknown, unknown>(part as unknown as Part, later)
      assert.throws(() => aggregate.add(aggregate.create(), 1, 0), refusal)
      const combined = combineAggregates<number, Record<string, Part>>({ aggregate })
      assert.throws(() => combined.add(combined.create(), 1, 0), refusal)
    }
    for (const [call, own] of [
      ['create', { ...texts, create: later }],
      ['add', { ...texts, add: later }],
    ] as const) {
      const aggregate = filtered(own as Part, isOdd)
      assert.throws(() => aggregate.add(aggregate.create(), 1, 0), { message: new RegExp(`^texts.${call} returned`) })
    }
    const silent = filtered({ ...texts, add: () => undefined } as unknown as Part, isOdd)
    assert.throws(() => silent.add(silent.create(), 1, 0), { message: 'The aggregate "texts" returned undefined.' })
  })
})
