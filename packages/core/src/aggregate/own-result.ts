/**
 * Results of aggregates, apart from the accumulators that they were made of: `add` and `merge` may change an
 * accumulator in place, and what has left must not change with it.
 */
import type { AggregateFunction, AnyRecord } from '@millrace/api'
import { copyValue } from '../codec/copy-value.ts'
import { compareObjects } from '../codec/shared-objects.ts'

/**
 * Whether something of `accumulator` may be within `result`: as the aggregate says, else by a look one level deep. Nearly
 * all results hold numbers and strings only.
 */
export function mayHoldParts(
  aggregate: AggregateFunction<AnyRecord, AnyRecord, AnyRecord>,
  result: unknown,
  accumulator: unknown,
): boolean {
  if (aggregate.holdsObjects !== undefined) return aggregate.holdsObjects(result)
  if (typeof result !== 'object' || result === null || typeof accumulator !== 'object') return false
  if (result === accumulator || (Array.isArray(accumulator) && accumulator.includes(result))) return true
  for (const name in result) {
    const part = (result as Record<string, unknown>)[name]
    if (typeof part === 'object' && part !== null) return true
  }
  return false
}

/** `value`, or a copy when it holds objects of `accumulator`. */
export function withoutParts<V>(value: V, accumulator: unknown): V {
  return compareObjects(value, accumulator) === 'none' ? value : copyValue(value, 'result')
}
