/**
 * Makes one aggregate of several named ones: `{ views: count(), worst: max('delay') }`. Its accumulator is an array of
 * the parts' accumulators in the order of their sorted names, so that rearranging the parts keeps stored state readable.
 */
import { MillraceError } from '../error/millrace-error.ts'
import { isPromise, promiseRefusal, synchronousResult } from '../function/synchronous-result.ts'
import { checkFunction, checkWholeNumber, invalidOption } from '../option/check-options.ts'
import type { AggregateFunction } from './aggregate-function.ts'

/** Aggregates by the names of their results. */
// biome-ignore lint/suspicious/noExplicitAny: parts have accumulators and results of every type; ResultsOf reads them
export type AggregateParts<T> = Readonly<Record<string, AggregateFunction<T, any, any>>>

/** The results of the parts by name. */
export type ResultsOf<Parts> = {
  // biome-ignore lint/suspicious/noExplicitAny: only the result's type is asked for
  [Name in keyof Parts]: Parts[Name] extends AggregateFunction<any, any, infer R> ? R : never
}

/** An aggregate of one's own, checked, with the types of its parts inferred from each other. */
export function aggregateFunction<T, A, R>(aggregate: AggregateFunction<T, A, R>): AggregateFunction<T, A, R> {
  checkAggregate('aggregateFunction', 'the aggregate', aggregate)
  return aggregate
}

/** One aggregate of all parts. It can be merged when each part can. Throws `OPTION_INVALID` for a part that is none. */
export function combineAggregates<T, Parts extends AggregateParts<T>>(
  parts: Parts,
): AggregateFunction<T, unknown[], ResultsOf<Parts>> {
  const names = Object.keys(parts).sort()
  if (names.length === 0) throw invalidOption('aggregate', 'the aggregates', parts, 'an object with at least one')
  const aggregates = names.map((name) => {
    const part = parts[name]
    checkAggregate('aggregate', name, part)
    return part as AggregateFunction<T, unknown, unknown>
  })
  // Every raise of a part's version raises the whole.
  const version = aggregates.reduce((total, part) => total + (part.version ?? 1) - 1, 1)
  const combined: AggregateFunction<T, unknown[], ResultsOf<Parts>> = {
    name: `{${names.map((name, index) => `${name}: ${aggregates[index]?.name}`).join(', ')}}`,
    version,
    parts: aggregates.map((aggregate, index) => ({ name: names[index] as string, aggregate })),
    create: () => aggregates.map((part, index) => synchronousResult(`${names[index]}.create`, part.create())),
    add(accumulators, value, timestamp) {
      let index = 0
      for (const part of aggregates) {
        const before = accumulators[index]
        const added = part.add(before, value, timestamp)
        if (added === undefined || typeof added === 'object') checkAdded(names[index] as string, before, added)
        accumulators[index] = added
        index++
      }
      return accumulators
    },
    result(accumulators) {
      const results: Record<string, unknown> = {}
      let index = 0
      for (const part of aggregates) {
        const result = part.result(accumulators[index])
        if (isPromise(result)) throw promiseRefusal(`${names[index]}.result`, result)
        results[names[index] as string] = result
        index++
      }
      return results as ResultsOf<Parts>
    },
  }
  if (!aggregates.every((part) => part.merge !== undefined)) return combined
  return {
    ...combined,
    merge(into, other) {
      let index = 0
      for (const part of aggregates) {
        const merged = part.merge?.(into[index], other[index])
        if (isPromise(merged)) throw promiseRefusal(`${names[index]}.merge`, merged)
        if (merged === undefined && (into[index] !== undefined || other[index] !== undefined)) {
          throw returnedNothing(`The aggregate "${names[index]}"`, 'merge(into, other) must return the accumulator.')
        }
        into[index] = merged
        index++
      }
      return into
    },
  }
}

/** Throws `USER_FUNCTION_FAILED` when `add` of the part `name` made a promise of `before`, or nothing of something. */
export function checkAdded(name: string, before: unknown, added: unknown): void {
  if (isPromise(added)) throw promiseRefusal(`${name}.add`, added)
  // One that begins with `undefined`, as that of min() does, may stay so.
  if (added !== undefined || before === undefined) return
  throw returnedNothing(`The aggregate "${name}"`, 'add(accumulator, value) must return the accumulator.')
}

/** Folds values of one type; it declares no merge, because nobody said that the function is associative. */
export function reducingAggregate<T>(reduce: (a: T, b: T) => T): AggregateFunction<T, T[], T> {
  return {
    name: 'reduce',
    create: () => [],
    add(kept, value) {
      if (kept.length === 0) {
        kept[0] = value
        return kept
      }
      const reduced = synchronousResult('The reduce function', reduce(kept[0] as T, value))
      if (reduced === undefined) {
        throw returnedNothing('The function of reduce', 'reduce(a, b) must return what the two come to.')
      }
      kept[0] = reduced
      return kept
    },
    // The engine asks only after a value.
    result: (kept) => kept[0] as T,
  }
}

function returnedNothing(what: string, hint: string): MillraceError {
  return new MillraceError('USER_FUNCTION_FAILED', `${what} returned undefined.`, { hint })
}

function checkAggregate(call: string, name: string, aggregate: unknown): void {
  if (typeof aggregate !== 'object' || aggregate === null) {
    throw invalidOption(call, name, aggregate, 'an aggregate, as count() or one made by aggregateFunction')
  }
  const { create, add, result, merge, version } = aggregate as Record<string, unknown>
  checkFunction(call, `${name}.create`, create)
  checkFunction(call, `${name}.add`, add)
  checkFunction(call, `${name}.result`, result)
  if (merge !== undefined) checkFunction(call, `${name}.merge`, merge)
  checkWholeNumber(call, `${name}.version`, version, { min: 1 })
}
