/**
 * Aggregates whose accumulators are arrays of numbers, on numbers that stand in a typed array: where a state backend
 * keeps them so, no array is made for a record and taken apart again (decision 0045).
 *
 * As with `known-aggregates.ts` it is known of the object that was made, not of a copy that somebody has changed.
 */
import type { AggregateFunction } from './aggregate-function.ts'

/** Does what the functions of the aggregate do; the accumulator is `cells[at]` to `cells[at + width - 1]`. */
export interface AggregateInCells {
  /** Numbers of an accumulator. */
  readonly width: number
  /**
   * Takes a record in and returns `undefined`. When the accumulator does not consist of numbers any more, it is returned,
   * and the cells are as they were; so they are when this throws.
   */
  add(cells: Float64Array, at: number, record: unknown, timestamp: number): readonly unknown[] | undefined
  result(cells: Float64Array, at: number): unknown
}

// biome-ignore lint/suspicious/noExplicitAny: aggregates of every type
type AnyAggregate = AggregateFunction<any, any, any>

const known = new WeakMap<AnyAggregate, AggregateInCells>()

/** Notes how an aggregate works in cells, and returns it: from now on its functions may not be replaced. */
export function asInCells<Aggregate extends AnyAggregate>(inCells: AggregateInCells, aggregate: Aggregate): Aggregate {
  known.set(aggregate, inCells)
  return Object.freeze(aggregate)
}

/** How an aggregate works in cells, or `undefined` for one that does not. */
export function aggregateInCells(aggregate: AnyAggregate): AggregateInCells | undefined {
  return known.get(aggregate)
}

/**
 * The same number, as a small integer where it is one. What V8 reads from a typed array before it compiles is an object
 * for each number, and results whose first ones hold such objects make them for ever.
 */
export function asSmallInteger(value: number): number {
  const integer = value | 0
  return integer === value && (integer !== 0 || Object.is(value, 0)) ? integer : value
}
