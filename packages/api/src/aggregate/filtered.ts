/** An aggregate of some of the records, as SQL has it: `COUNT(DISTINCT bidder) FILTER (WHERE price < 100)`. */
import { promiseRefusal } from '../function/synchronous-result.ts'
import { checkFunction, invalidOption } from '../option/check-options.ts'
import type { AggregateFunction } from './aggregate-function.ts'
import { added, created, merged } from './checked-calls.ts'
import { formWithin } from './form-within.ts'
import { asKnown, knownAggregate } from './known-aggregates.ts'

/** The accumulator of a record for which the condition has held, or nothing yet. */
type Begun<A> = [] | [A]

/**
 * The aggregate of the records for which `condition` holds. Where there was none, `count`, `sum` and `countDistinct`
 * give 0, and all others `undefined`.
 *
 * Several counts of different values of one field, or of one and the same function, hold each value once for all of them.
 */
export function filtered<T, A, R>(
  aggregate: AggregateFunction<T, A, R> & { readonly ofNothing: R },
  condition: (record: T) => boolean,
): AggregateFunction<T, A, R> & { readonly ofNothing: R }
export function filtered<T, A, R>(
  aggregate: AggregateFunction<T, A, R>,
  condition: (record: T) => boolean,
): AggregateFunction<T, unknown, R | undefined>
export function filtered<T, A, R>(
  aggregate: AggregateFunction<T, A, R>,
  condition: (record: T) => boolean,
): AggregateFunction<T, A, R | undefined> | AggregateFunction<T, Begun<A>, R | undefined> {
  if (typeof aggregate !== 'object' || aggregate === null) {
    throw invalidOption('filtered', 'the aggregate', aggregate, 'an aggregate, as count()')
  }
  checkFunction('filtered', 'the condition', condition)
  const known = knownAggregate(aggregate)
  const name = `filtered ${aggregate.name}`
  if (known === undefined) return filteredOwn(name, aggregate, condition)
  // Those that come with Millrace know what they give of nothing.
  return asKnown<AggregateFunction<T, A, R | undefined>>(
    { ...known, conditions: [condition, ...(known.conditions ?? [])] },
    {
      ...(aggregate as AggregateFunction<T, A, R | undefined>),
      name,
      add: (accumulator, record, timestamp) =>
        holds(condition(record)) ? aggregate.add(accumulator, record, timestamp) : accumulator,
    },
  )
}

/** Whether a condition holds that gave `answer`. A promise would hold whatever comes of it, and is refused. */
export function holds(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer
  if (typeof (answer as PromiseLike<unknown> | undefined)?.then === 'function') {
    throw promiseRefusal('The condition of filtered', answer as PromiseLike<unknown>)
  }
  return Boolean(answer)
}

/** Nobody said what it gives of nothing, so it is not asked. */
function filteredOwn<T, A, R>(
  name: string,
  aggregate: AggregateFunction<T, A, R>,
  condition: (record: T) => boolean,
): AggregateFunction<T, Begun<A>, R | undefined> {
  const { name: own, version = 1, migrate, schema, ofNothing, merge } = aggregate
  const evolution = { migrate: migrate?.bind(aggregate), schema }
  const accumulatorOf = (begun: Begun<A>): A => (begun.length === 0 ? created(own, aggregate.create()) : begun[0])
  return {
    name,
    // An accumulator that is `undefined` is as `create` gave it, and may be made anew.
    ...formWithin<Begun<A>>({ version, evolution }, (begun, convert) =>
      begun.length === 0 || begun[0] === undefined ? [] : [convert(begun[0]) as A],
    ),
    ...(ofNothing === undefined ? {} : { ofNothing }),
    create: () => [],
    add(begun, record, timestamp) {
      if (!holds(condition(record))) return begun
      const accumulator = accumulatorOf(begun)
      begun[0] = added(own, accumulator, aggregate.add(accumulator, record, timestamp))
      return begun
    },
    result: (begun) => (begun.length === 0 ? ofNothing : aggregate.result(begun[0])),
    ...(merge === undefined
      ? {}
      : {
          merge(into: Begun<A>, other: Begun<A>): Begun<A> {
            if (other.length === 0) return into
            const accumulator = accumulatorOf(into)
            into[0] = merged(own, accumulator, other[0], merge.call(aggregate, accumulator, other[0]))
            return into
          },
        }),
  }
}
