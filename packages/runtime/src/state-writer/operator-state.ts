/**
 * What a new savepoint gets for one operator: records that a function turns into state and timers, or entries as they are
 * stored. Declarations only; `write-savepoint.ts` acts on them.
 */
import type { KeyedProcessFunction, NothingReturned, StateDeclarations, StateHandles, Timers } from '@millrace/api'

/** Values one after the other, waited for or not. */
export type Values<T> = Iterable<T> | AsyncIterable<T>

/** What a call for a record can ask and do. Valid during the call only. */
export interface BootstrapContext<K, States extends StateDeclarations> {
  readonly key: K
  /** Of the key, as the function of the job will find it. */
  readonly state: StateHandles<States>
  /** Timers that are waiting when the job starts. */
  readonly timers: Pick<Timers, 'eventTime' | 'processingTime'>
}

export interface BootstrapOptions<T, K, States extends StateDeclarations> {
  readonly records: Values<T>
  /** The key as the job's `keyBy` gives it. */
  readonly key: (record: T) => K
  /** Puts a record into the state of its key. Records of one key come in their order. Synchronous. */
  readonly write: (record: T, context: BootstrapContext<K, States>) => NothingReturned
  /** When the record counts as written, epoch ms, for states with a time to live. Default: now. */
  readonly writtenAtMs?: (record: T) => number
}

/** An entry as it is stored: what `SavedState.entries` gives has this form. */
export interface StoredStateEntry {
  /** Name of the state, or its descriptor. */
  readonly state: string | { readonly name: string }
  readonly key: unknown
  /** Of map state, the key within the map; of timers and windows their time (epoch ms). */
  readonly sub?: unknown
  readonly value: unknown
  /** For state with a time to live. Default: now. */
  readonly writtenAtMs?: number | undefined
  /** Of lists with a time to live, one for each element, where they have times of their own. */
  readonly elementTimesMs?: readonly number[] | undefined
  /** Where the engine keeps something per key group; else it follows from the key. */
  readonly keyGroup?: number | undefined
}

/** Made by `bootstrapState` and `storedEntries`. */
export type OperatorState =
  | {
      readonly kind: 'records'
      readonly states: StateDeclarations
      readonly hasOnTimer: boolean
      // biome-ignore lint/suspicious/noExplicitAny: records, keys and states of every type; bootstrapState checks them
      readonly options: BootstrapOptions<any, any, any>
    }
  | { readonly kind: 'entries'; readonly entries: Values<StoredStateEntry> }

/** State of the keyed function `fn` of the job, made of records: of any form, from anywhere. */
export function bootstrapState<K, T, States extends StateDeclarations>(
  // biome-ignore lint/suspicious/noExplicitAny: what the function takes and emits does not matter here
  fn: KeyedProcessFunction<K, any, any, States, any>,
  options: BootstrapOptions<T, NoInfer<K>, NoInfer<States>>,
): OperatorState {
  return { kind: 'records', states: fn.state ?? {}, hasOnTimer: fn.onTimer !== undefined, options }
}

/** State as it is stored, of any keyed operator: out of another savepoint, or out of an export. */
export function storedEntries(entries: Values<StoredStateEntry>): OperatorState {
  return { kind: 'entries', entries }
}
