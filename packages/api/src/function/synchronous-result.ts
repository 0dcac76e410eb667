/**
 * User functions are synchronous: they are called for one record after the other and what they return is used at
 * once. A promise would be lost, or taken for a value, and what follows an `await` would act on another record's key.
 * The types say so where they can; this is for what they cannot see.
 */
import { MillraceError } from '../error/millrace-error.ts'

/** What a function returns that only acts. A union with `undefined`, since plain `void` lets an async function pass. */
// biome-ignore lint/suspicious/noConfusingVoidType: as said above
export type NothingReturned = void | undefined

/** Whether a value is a promise, of any library's making. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Returns what a function gave, or throws `USER_FUNCTION_FAILED` when that is a promise. `what`: the function, as a subject. */
export function synchronousResult<T>(what: string, returned: T): T {
  if (isPromise(returned)) throw promiseRefusal(what, returned)
  return returned
}

/** The error for a function that returned a promise, whose own failure then counts no more. */
export function promiseRefusal(what: string, returned: PromiseLike<unknown>): MillraceError {
  returned.then(ignore, ignore)
  return new MillraceError('USER_FUNCTION_FAILED', `${what} returned a promise; its result is used at once`, {
    hint: 'Make it synchronous: no async, no await. Its context and key are valid during the call only.',
  })
}

function ignore(): void {}
