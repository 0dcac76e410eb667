/** Functions with access to time, state, timers and side outputs. They are called for one record at a time, in order. */
import type { StateDescriptor, StateHandle } from '../state/state-descriptor.ts'
import type { NothingReturned } from './synchronous-result.ts'

/** Carries a type to the compiler and nothing at run time: `emits: type<Row>()`. */
export interface TypeToken<T> {
  readonly __type?: T
}
/** The type that a token carries. */
export type TypeOf<Token> = Token extends TypeToken<infer T> ? T : never

/** Declared side outputs: names with the types of their records. */
export type SideOutputs = Readonly<Record<string, TypeToken<unknown>>>
/** Declared states by name. */
export type StateDeclarations = Readonly<Record<string, StateDescriptor>>

/** What every call of a process function can ask and do. Valid during the call only. */
export interface ProcessContext<Out, Sides extends SideOutputs> {
  /** Timestamp of the current record or timer (epoch ms); −Infinity when the record has none. */
  readonly timestamp: number
  /** The operator's current event time. */
  readonly watermark: number
  /** Wall clock, epoch ms. Use this instead of `Date.now()`, so that tests can move it. */
  now(): number
  emit(record: Out): void
  /** Sends a record to a declared side output. */
  emitTo<Name extends keyof Sides & string>(name: Name, record: TypeOf<Sides[Name]>): void
  /** Adds to a counter in the operator's metrics. */
  count(metric: string, increment?: number): void
  readonly subtask: number
  readonly parallelism: number
}

/** What calls for a key can ask and do besides: its key, its state, its timers. */
export interface KeyedProcessContext<K, Out, States extends StateDeclarations, Sides extends SideOutputs>
  extends ProcessContext<Out, Sides> {
  readonly key: K
  readonly state: StateHandles<States>
  readonly timers: Timers
}

/** The handles of declared states by name. Declarations of any kind, as the graph holds them, give handles of any kind. */
export type StateHandles<States extends StateDeclarations> = 0 extends 1 & States
  ? // biome-ignore lint/suspicious/noExplicitAny: the graph holds functions with states of every kind
    any
  : { readonly [Name in keyof States]: StateHandle<States[Name]> }

/** Timers of the current key. One key has at most one timer per time and domain; a second registration changes nothing. */
export interface Timers {
  /** Calls `onTimer(at)` when the watermark reaches `at`. */
  eventTime(at: number): void
  /** Calls `onTimer(at)` when the wall clock reaches `at`. */
  processingTime(at: number): void
  deleteEventTime(at: number): void
  deleteProcessingTime(at: number): void
}

/** Which clock a timer goes by: the watermark or the wall clock. */
export type TimeDomain = 'event' | 'processing'

/**
 * A function over single records. It is synchronous: a promise is refused. Its parts are properties in the type, so
 * that the compiler refuses a function of other records; methods implement them.
 */
export interface ProcessFunction<In, Out, Sides extends SideOutputs> {
  readonly emits?: TypeToken<Out>
  readonly sideOutputs?: Sides
  readonly onRecord: (record: In, context: ProcessContext<Out, Sides>) => NothingReturned
  /** Once per subtask, after its last record. Not called again for a subtask that had finished before a restore. */
  readonly onEnd?: (context: ProcessContext<Out, Sides>) => NothingReturned
}

/** A function over the records and timers of each key, with state per key. It is synchronous: a promise is refused. */
export interface KeyedProcessFunction<K, In, Out, States extends StateDeclarations, Sides extends SideOutputs> {
  readonly state?: States
  readonly emits?: TypeToken<Out>
  readonly sideOutputs?: Sides
  readonly onRecord: (record: In, context: KeyedProcessContext<K, Out, States, Sides>) => NothingReturned
  readonly onTimer?: (
    at: number,
    context: KeyedProcessContext<K, Out, States, Sides>,
    domain: TimeDomain,
  ) => NothingReturned
}
