/**
 * The type of values that belong to state: to be read, not changed, at any depth. Changing one in place would go past
 * `set`, so that the change is in no checkpoint and is lost by a failure.
 *
 * Functions, primitives (branded ones too), dates, buffers and typed arrays stay as they are: for those TypeScript has
 * no read-only form that other code would take.
 */
type Unchanged =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | ArrayBuffer
  | ArrayBufferView
  | ((...args: never[]) => unknown)

/** `T`, read-only at every depth: arrays, maps, sets and the properties of objects. */
export type DeepReadonly<T> = T extends Unchanged
  ? T
  : T extends readonly unknown[]
    ? ReadonlyItems<T>
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
      : T extends ReadonlySet<infer V>
        ? ReadonlySet<DeepReadonly<V>>
        : T extends object
          ? { readonly [Name in keyof T]: DeepReadonly<T[Name]> }
          : T

/** Of tuples each item; an array as an array type, which the compiler leaves open in types that contain themselves. */
type ReadonlyItems<T extends readonly unknown[]> = T[number][] extends T
  ? readonly DeepReadonly<T[number]>[]
  : { readonly [Index in keyof T]: DeepReadonly<T[Index]> }
