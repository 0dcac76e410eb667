/**
 * Results of aggregates, apart from the accumulators that they were made of: `add` and `merge` may change an
 * accumulator in place, and what has left must not change with it.
 */
import { copyValue } from '../codec/copy-value.ts'
import { compareObjects } from '../codec/shared-objects.ts'

/**
 * Whether something of `accumulator` may be within `result`. A quick look, for the aggregates of a graph: those of
 * `combineAggregates` give a new object of their parts' results, those of `reducingAggregate` what stands in their
 * accumulator. Nearly all results hold numbers and strings only.
 */
export function mayHoldParts(result: unknown, accumulator: unknown): boolean {
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
