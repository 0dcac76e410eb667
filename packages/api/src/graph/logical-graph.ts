/**
 * The logical graph: what `build()` makes, a list of steps in the order in which they were written. It holds user
 * functions by reference and is therefore never sent anywhere; coordinator and slots each build their own and compare
 * hashes. `core` turns it into the physical plan.
 */
import type { AggregateFunction } from '../aggregate/aggregate-function.ts'
import type { Sink } from '../connector/sink.ts'
import type { Source } from '../connector/source.ts'
import type {
  KeyedProcessFunction,
  ProcessFunction,
  SideOutputs,
  StateDeclarations,
} from '../function/process-function.ts'
import type { StateEvolution } from '../state/state-evolution.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import type { TimeWindow, WindowAssigner } from '../window/window-assigner.ts'

// biome-ignore lint/suspicious/noExplicitAny: the graph holds functions of every record type; the stream classes type them
export type AnyRecord = any

/** A process function of any records; what it declares stays readable. */
export interface AnyProcessFunction extends Omit<ProcessFunction<AnyRecord, AnyRecord, AnyRecord>, 'sideOutputs'> {
  readonly sideOutputs?: SideOutputs
}
/** A keyed process function of any records; what it declares stays readable. */
export interface AnyKeyedProcessFunction
  extends Omit<KeyedProcessFunction<AnyRecord, AnyRecord, AnyRecord, AnyRecord, AnyRecord>, 'state' | 'sideOutputs'> {
  readonly state?: StateDeclarations
  readonly sideOutputs?: SideOutputs
}

/** Position of a step in the graph, from 0. */
export type NodeId = number

/** A job as its steps, inputs before their consumers. */
export interface LogicalGraph {
  readonly jobName: string
  readonly nodes: readonly LogicalNode[]
}

/** One step. */
export interface LogicalNode {
  readonly id: NodeId
  readonly spec: NodeSpec
  readonly inputs: readonly LogicalEdge[]
  /** Shown name; derived from the kind when the user gave none. */
  readonly name: string
  /** Given by the user, or derived from kind and position. Unique in the job. */
  readonly uid: string
  readonly uidIsDerived: boolean
  /** `undefined`: the job's default. */
  readonly parallelism: number | undefined
  readonly slotSharingGroup: string
  /** `never`: neither chained to its input nor followed by a chained step; `head`: starts a chain. */
  readonly chain: 'always' | 'never' | 'head'
}

/** One input of a step. Several are a union. */
export interface LogicalEdge {
  readonly from: NodeId
  /** Name of a side output, or `undefined` for the main output. */
  readonly sideOutput: string | undefined
  readonly partitioning: Partitioning
}

/** How records are dealt to the subtasks of the next step. */
export type Partitioning =
  | { readonly kind: 'forward' }
  | { readonly kind: 'rebalance' }
  | { readonly kind: 'hash'; readonly key: KeySelector }

/** A field name is visible to plan and hashing; a function is not. */
export type KeySelector = (
  | { readonly kind: 'field'; readonly field: string }
  | { readonly kind: 'function'; readonly select: (record: AnyRecord) => unknown }
) & {
  /** Where `keyBy` was called, for messages about its keys. Its text is made when it is first read. */
  readonly calledAt?: Pick<Error, 'stack'>
}

/** What a step does. */
export type NodeSpec =
  | SourceSpec
  | MapSpec
  | FilterSpec
  | FlatMapSpec
  | ProcessSpec
  | KeyedProcessSpec
  | KeyedReduceSpec
  | KeyedAggregateSpec
  | WindowSpec
  | SinkSpec

export interface SourceSpec {
  readonly kind: 'source'
  readonly source: Source<AnyRecord>
  /** `undefined`: records have no event time and the source sends no watermark before its end. */
  readonly watermarks: WatermarkStrategy<AnyRecord> | undefined
}
export interface MapSpec {
  readonly kind: 'map'
  readonly map: (record: AnyRecord) => AnyRecord
}
export interface FilterSpec {
  readonly kind: 'filter'
  readonly filter: (record: AnyRecord) => boolean
}
export interface FlatMapSpec {
  readonly kind: 'flatMap'
  readonly flatMap: (record: AnyRecord) => Iterable<AnyRecord>
}
export interface ProcessSpec {
  readonly kind: 'process'
  readonly fn: AnyProcessFunction
}
export interface KeyedProcessSpec {
  readonly kind: 'keyedProcess'
  readonly key: KeySelector
  readonly fn: AnyKeyedProcessFunction
}
/** Emits the running value of the key after every record. */
export interface KeyedReduceSpec {
  readonly kind: 'keyedReduce'
  readonly key: KeySelector
  readonly reduce: (a: AnyRecord, b: AnyRecord) => AnyRecord
  /** Of the stored value; default 1. */
  readonly version?: number
  readonly evolution?: StateEvolution | undefined
}
/** Emits the projected running result of the key after every record. */
export interface KeyedAggregateSpec {
  readonly kind: 'keyedAggregate'
  readonly key: KeySelector
  readonly aggregate: AggregateFunction<AnyRecord, AnyRecord, AnyRecord>
  readonly project: (result: AnyRecord, context: { readonly key: AnyRecord }) => AnyRecord
}
/** Name of the side output to which windows send records that are late for all their windows. */
export const LATE_OUTPUT = 'late'
/** Aggregates per key and window; emits when the watermark reaches a window's end and at each late record after. */
export interface WindowSpec {
  readonly kind: 'window'
  readonly key: KeySelector
  readonly assigner: WindowAssigner
  readonly allowedLatenessMs: number
  readonly aggregate: AggregateFunction<AnyRecord, AnyRecord, AnyRecord>
  readonly project: (result: AnyRecord, context: { readonly key: AnyRecord; readonly window: TimeWindow }) => AnyRecord
}
export interface SinkSpec {
  readonly kind: 'sink'
  readonly sink: Sink<AnyRecord>
}
