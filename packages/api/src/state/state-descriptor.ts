/**
 * What an operator declares about its state, before the first record: kind, version, expiry. The engine turns a
 * descriptor into a handle (`ValueState`, `ListState`, …) that works on the key of the current record or timer.
 */
import type { AggregateFunction } from '../aggregate/aggregate-function.ts'
import type { Duration } from '../time/duration.ts'
import type { DeepReadonly } from './deep-readonly.ts'
import type { StateEvolution } from './state-evolution.ts'

/** Options that every kind of state has. */
export interface StateOptions {
  /**
   * Time to live, in processing time: a value, an element of a list or an entry of a map that was not written for this long has
   * expired. A duration alone takes Flink's defaults for the rest. Default: entries live until they are removed.
   */
  readonly ttl?: Duration | TtlOptions
  /**
   * Version of the stored form, a positive integer; default 1. State of an older version needs `migrate`; state of a newer
   * one is refused.
   */
  readonly version?: number
}

/** How a state expires; the words are those of Flink's `StateTtlConfig`. */
export interface TtlOptions {
  /** How long an entry lives. */
  readonly after: Duration
  /** What begins its time anew: creating and writing it (`onCreateAndWrite`, the default), or reading it too. */
  readonly update?: TtlUpdate
  /**
   * Whether an expired entry may still be returned: never (`neverReturnExpired`, the default), or once more when it is read before it
   * was cleaned up; that read removes it.
   */
  readonly visibility?: TtlVisibility
  /** Whether expired entries that nobody reads are removed too, a few at a time. Default true. */
  readonly cleanupInBackground?: boolean
}

export type TtlUpdate = 'onCreateAndWrite' | 'onReadAndWrite'
export type TtlVisibility = 'neverReturnExpired' | 'returnExpiredIfNotCleanedUp'

/** `TtlOptions` beside the time itself, complete. */
export interface TtlRules {
  readonly update: TtlUpdate
  readonly visibility: TtlVisibility
  readonly cleanupInBackground: boolean
}

/** The kinds of state. */
export type StateKind = 'value' | 'list' | 'map' | 'reducing' | 'aggregating'

/** `Handle` is what a function finds under the state's name; it exists for the compiler only. */
interface DescriptorBase<Kind extends StateKind, Handle> {
  readonly kind: Kind
  readonly version: number
  readonly ttlMs: number | undefined
  /** Left out where the defaults hold. */
  readonly ttlRules?: TtlRules
  readonly evolution?: StateEvolution
  readonly __handle?: Handle
}

export interface ValueStateDescriptor<V> extends DescriptorBase<'value', ValueState<V>> {}
export interface ListStateDescriptor<V> extends DescriptorBase<'list', ListState<V>> {}
export interface MapStateDescriptor<K, V> extends DescriptorBase<'map', MapState<K, V>> {}
export interface ReducingStateDescriptor<V> extends DescriptorBase<'reducing', ReducingState<V>> {
  readonly reduce: (a: V, b: V) => V
}
export interface AggregatingStateDescriptor<T, A, R> extends DescriptorBase<'aggregating', AggregatingState<T, R>> {
  readonly aggregate: AggregateFunction<T, A, R>
}

/** A declared state of any kind. */
export type StateDescriptor =
  // biome-ignore lint/suspicious/noExplicitAny: a union over descriptors of every element type; handles infer theirs
  | ValueStateDescriptor<any>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  | ListStateDescriptor<any>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  | MapStateDescriptor<any, any>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  | ReducingStateDescriptor<any>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  | AggregatingStateDescriptor<any, any, any>

/** What a state takes: a new value, or one made with parts of what `get` gave. */
export type Storable<V> = V | DeepReadonly<V>

/** One value of the current key. */
export interface ValueState<V> {
  /**
   * The value of the current key; `undefined` when none was set. Read-only: only what `set` is given is in a
   * checkpoint, so `set({ ...value, n: value.n + 1 })`.
   */
  get(): DeepReadonly<V> | undefined
  set(value: Storable<V>): void
  clear(): void
}
/** The current key's list, in the order of addition. What `get` returns is read-only. */
export interface ListState<V> {
  get(): readonly DeepReadonly<V>[]
  add(value: Storable<V>): void
  set(values: readonly Storable<V>[]): void
  clear(): void
}
/** The current key's map. Iterates in no order that a job may rely on. The values that it gives are read-only. */
export interface MapState<K, V> {
  get(key: K): DeepReadonly<V> | undefined
  has(key: K): boolean
  set(key: K, value: Storable<V>): void
  delete(key: K): void
  entries(): IterableIterator<[K, DeepReadonly<V>]>
  keys(): IterableIterator<K>
  values(): IterableIterator<DeepReadonly<V>>
  isEmpty(): boolean
  clear(): void
}
/** One value of the current key into which `add` folds. What `get` returns is read-only. */
export interface ReducingState<V> {
  get(): DeepReadonly<V> | undefined
  add(value: Storable<V>): void
  clear(): void
}
/** The current key's aggregate; `get` gives its result, read-only, `undefined` before the first `add`. */
export interface AggregatingState<T, R> {
  get(): DeepReadonly<R> | undefined
  add(value: T): void
  clear(): void
}

/** The handle that belongs to a descriptor. */
export type StateHandle<Descriptor> = Descriptor extends { readonly __handle?: infer Handle } ? Handle : never
