/** What the functions of an aggregate must not return: promises, and nothing where there was an accumulator. */
import { MillraceError } from '../error/millrace-error.ts'
import { synchronousResult } from '../function/synchronous-result.ts'

/** The accumulator that `create` of an aggregate gave; `name` is that of the result, or of the aggregate. */
export function created<A>(name: string, accumulator: A): A {
  return synchronousResult(`${name}.create`, accumulator)
}

/** The accumulator that `add` gave, which had `before`. */
export function added<A>(name: string, before: A, accumulator: A): A {
  if (typeof accumulator === 'object') synchronousResult(`${name}.add`, accumulator)
  // One that begins with `undefined` may stay so.
  if (accumulator === undefined && before !== undefined) {
    throw returnedNothing(`The aggregate "${name}"`, 'add(accumulator, value) must return the accumulator.')
  }
  return accumulator
}

/** The accumulator that `merge` gave of two. */
export function merged<A>(name: string, into: A, other: A, accumulator: A): A {
  if (typeof accumulator === 'object') synchronousResult(`${name}.merge`, accumulator)
  if (accumulator === undefined && (into !== undefined || other !== undefined)) {
    throw returnedNothing(`The aggregate "${name}"`, 'merge(into, other) must return the accumulator.')
  }
  return accumulator
}

/** What `result` gave. */
export function resulted<R>(name: string, result: R): R {
  return typeof result === 'object' ? synchronousResult(`${name}.result`, result) : result
}

/** The error of a function that should have returned something. */
export function returnedNothing(what: string, hint: string): MillraceError {
  return new MillraceError('USER_FUNCTION_FAILED', `${what} returned undefined.`, { hint })
}
