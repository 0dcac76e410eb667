/**
 * An incremental aggregate: how to start, take in a value, and give the result. The accumulator is state: it must be
 * encodable (see the value codec), and `add` may change it in place or return a new one; the returned one counts.
 */
import type { StandardSchema } from '../job/standard-schema.ts'

export interface AggregateFunction<T, A, R> {
  /** Name for the plan: `count`, `sum`, … */
  readonly name: string
  create(): A
  /** A property, not a method, so that the compiler refuses an aggregate of other records. */
  readonly add: (accumulator: A, value: T, timestamp: number) => A
  /** May return the accumulator or parts of it: where `add` can still change them, a copy leaves. */
  result(accumulator: A): R
  /** Whether a result holds objects, which could be parts of the accumulator; without it the engine looks at each. */
  holdsObjects?(result: R): boolean
  /**
   * Combines two accumulators; may change and return `into`, must leave `other` as it is. What it returns may hold parts
   * of `other`: the engine sees that and gives it copies, which costs time. Associative; declares that partial results
   * may be combined before an exchange and shared by overlapping windows.
   */
  merge?(into: A, other: A): A
  /** What `filtered` gives of no record at all; default `undefined`. */
  readonly ofNothing?: R
  /** Version of the accumulator's stored form; default 1. */
  readonly version?: number
  /**
   * Makes an accumulator of this version of one that was stored under an older one, `fromVersion`. Called when state is
   * restored; must depend on its arguments alone. A method, so that `old` may be given the type that it had.
   */
  migrate?(old: unknown, fromVersion: number): A
  /**
   * Of accumulators: those that were stored under another schema, or under none, go through it when they are restored, before the
   * first record.
   */
  readonly schema?: StandardSchema<unknown, A>
  /** The aggregates that it is made of, where its accumulator is an array of theirs in this order. Set by the engine. */
  readonly parts?: readonly AggregatePart[]
}

/** One of several aggregates that are computed together. */
export interface AggregatePart {
  /** Of its result. */
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: parts have accumulators and results of every type
  readonly aggregate: AggregateFunction<any, any, any>
  /** The place of the accumulator that holds what it shares with other parts; missing where its accumulator is its own. */
  readonly heldAt?: number
}
