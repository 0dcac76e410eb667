/**
 * What functions that fold values must return: anything but `undefined`, which in state stands for no value, so that a
 * key would silently begin anew.
 */
import { type AggregateFunction, MillraceError } from '@millrace/api'

/** Takes a value into an accumulator. Throws `USER_FUNCTION_FAILED` when `add` returns none. */
export function addTo<A>(
  aggregate: AggregateFunction<unknown, A, unknown>,
  accumulator: A,
  value: unknown,
  timestamp: number,
): A {
  const added = aggregate.add(accumulator, value, timestamp)
  // One that begins with `undefined`, as min() does, may stay so.
  if (added === undefined && accumulator !== undefined) throw noAccumulator(aggregate.name)
  return added
}

/** Folds two values into one. Throws `USER_FUNCTION_FAILED` when nothing comes of it; `what` names the function. */
export function reduceTo<V>(reduce: (a: V, b: V) => V, a: V, b: V, what: string): V {
  const reduced = reduce(a, b)
  if (reduced !== undefined) return reduced
  throw new MillraceError('USER_FUNCTION_FAILED', `${what} returned undefined.`, {
    hint: 'reduce(a, b) must return what the two come to.',
  })
}

/** `call` is the function that returned nothing, as it was called. */
export function noAccumulator(name: string, call = 'add(accumulator, value)'): MillraceError {
  return new MillraceError('USER_FUNCTION_FAILED', `The aggregate "${name}" returned no accumulator.`, {
    hint: `${call} must return the accumulator.`,
  })
}
