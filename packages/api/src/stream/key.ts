/**
 * The types of keys, as far as the compiler can tell what the key encoding takes: strings, numbers, bigints, booleans,
 * null, and arrays and plain objects of these. NaN and instances of classes without methods pass the compiler and are
 * refused at the first record (`KEY_INVALID`).
 */

/** A key. Where a function is generic in its key, `K extends Key`. */
export type Key = string | number | bigint | boolean | null | readonly Key[] | { readonly [name: string]: Key }

/**
 * What a selector of `K`s may return besides a `Key`: anything, when a `K` can be a key, else nothing. An interface of
 * keys is no `Key`, because TypeScript gives interfaces no index signature.
 */
export type CheckedKey<K> = [KeyProblem<K>] extends [never] ? unknown : NotAKey<KeyProblem<K>>

/** Stands in the compiler's message where a type cannot be a key, and says why. */
export interface NotAKey<Reason extends string> {
  readonly [REASON]: Reason
}
declare const REASON: unique symbol

/** Fields that can be a key: those that are always there, with a type that is one. */
export type KeyField<T> = {
  [Name in keyof T]-?: [KeyProblem<T[Name]>] extends [never] ? Name : never
}[keyof T] &
  string

/** Why `K` cannot be a key; `never` when it can, or below a depth at which types may contain themselves. */
type KeyProblem<K, Path extends string = 'the key', Depth extends number = 0> =
  IsAny<K> extends true
    ? never
    : Depth extends 5
      ? never
      : unknown extends K
        ? `${Path} has no known type`
        : K extends Plain
          ? never
          : K extends undefined | Nothing
            ? `${Path} may be undefined`
            : K extends Date
              ? `${Path} is a date: take its time in ms, date.getTime()`
              : K extends WithoutContent
                ? `${Path} is no string, number, bigint, boolean, null, array or plain object of these`
                : K extends readonly unknown[]
                  ? { readonly [Index in keyof K]: KeyProblem<K[Index], `an item of ${Path}`, Deeper[Depth]> }[number]
                  : [keyof K] extends [never]
                    ? `${Path} has no known type`
                    : { readonly [Name in keyof K]-?: PropertyProblem<K, Name, Path, Depth> }[keyof K]

/** An optional property that is not there is no part of the key. */
type PropertyProblem<K, Name extends keyof K, Path extends string, Depth extends number> = KeyProblem<
  Required<K>[Name],
  `${Path}.${Name & string}`,
  Deeper[Depth]
>

type Plain = string | number | bigint | boolean | null
/** Objects that are not compared by content, and symbols. */
type WithoutContent =
  | ((...args: never[]) => unknown)
  | symbol
  | PromiseLike<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBuffer
  | ArrayBufferView
// biome-ignore lint/suspicious/noConfusingVoidType: what a selector without a return statement returns
type Nothing = void
type Deeper = [1, 2, 3, 4, 5]
type IsAny<T> = 0 extends 1 & T ? true : false
