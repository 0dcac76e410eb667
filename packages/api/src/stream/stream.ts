/**
 * The streams that a job is written with. A stream is a value: one or more edges from steps of the graph and the type
 * of the records on them. Each call adds a step (or none, for `keyBy`, `union`, `rebalance`, `sideOutput`) and returns
 * a new stream; nothing changes an earlier one. What may be refused is refused here, before the job starts.
 *
 * The three classes make each other and therefore share a file.
 */
import type { AggregateFunction } from '../aggregate/aggregate-function.ts'
import {
  type AggregateParts,
  combineAggregates,
  type ResultsOf,
  reducingAggregate,
} from '../aggregate/combine-aggregates.ts'
import type { Sink } from '../connector/sink.ts'
import { MillraceError } from '../error/millrace-error.ts'
import { checkKeyedProcessFunction, checkProcessFunction } from '../function/define-process.ts'
import type {
  KeyedProcessFunction,
  ProcessFunction,
  SideOutputs,
  StateDeclarations,
  TypeOf,
} from '../function/process-function.ts'
import type { GraphBuilder } from '../graph/graph-builder.ts'
import type { AnyRecord, KeySelector, LogicalEdge, NodeSpec, Partitioning } from '../graph/logical-graph.ts'
import { checkFunction, checkOptions, invalidOption } from '../option/check-options.ts'
import { type Duration, parseDurationMs } from '../time/duration.ts'
import type { TimeWindow, WindowAssigner } from '../window/window-assigner.ts'
import type { CheckedKey, Key, KeyField } from './key.ts'
import { parseReduceOptions, parseStepOptions, type ReduceOptions, type StepOptions } from './step-options.ts'

/** Record types of side outputs by name. */
export type SideRecords = Readonly<Record<string, unknown>>
/** No side outputs. */
export type NoSideRecords = Record<never, never>
/** The record types behind declared side outputs. */
export type SideRecordsOf<Sides extends SideOutputs> = { readonly [Name in keyof Sides]: TypeOf<Sides[Name]> }

/** The type of a stream's records. */
export type RecordsOf<Stream> = Stream extends DataStream<infer T, AnyRecord> ? T : never

/** Options of `window`. */
export interface WindowOptions {
  /**
   * How long after its end a window still takes records; each one that comes emits the updated result. Default: none.
   * What comes later goes to the side output `late`.
   */
  readonly allowedLateness?: Duration
}

/** What a projection of a running result knows besides the result. */
export interface KeyContext<K> {
  readonly key: K
}

/** What a projection of a window's result knows besides the result. */
export interface KeyWindowContext<K> extends KeyContext<K> {
  readonly window: TimeWindow
}

/** A stream of records in no particular partitioning. `Sides` are the side outputs of the step that makes it. */
export class DataStream<T, Sides extends SideRecords = NoSideRecords> {
  readonly #graph: GraphBuilder
  readonly #edges: readonly LogicalEdge[]

  /** Streams come from `env.from` and from other streams. */
  constructor(graph: GraphBuilder, edges: readonly LogicalEdge[]) {
    this.#graph = graph
    this.#edges = edges
  }

  /** One record out for each record in. */
  map<Out>(map: (record: T) => Out, options?: StepOptions): DataStream<Out> {
    checkFunction('map', 'the function', map)
    return this.#step('map', { kind: 'map', map }, options)
  }

  /** Keeps the records for which the function says true; a type guard narrows their type. */
  filter<Kept extends T>(keeps: (record: T) => record is Kept, options?: StepOptions): DataStream<Kept>
  filter(keeps: (record: T) => boolean, options?: StepOptions): DataStream<T>
  filter(keeps: (record: T) => boolean, options?: StepOptions): DataStream<T> {
    checkFunction('filter', 'the function', keeps)
    return this.#step('filter', { kind: 'filter', filter: keeps }, options)
  }

  /** Any number of records out for each record in: those that the function returns, or yields. */
  flatMap<Out>(flatMap: (record: T) => Iterable<Out>, options?: StepOptions): DataStream<Out> {
    checkFunction('flatMap', 'the function', flatMap)
    return this.#step('flatMap', { kind: 'flatMap', flatMap }, options)
  }

  /** A function with access to time, metrics and side outputs, see `process`. */
  process<Out = never, DeclaredSides extends SideOutputs = NoSideRecords>(
    fn: ProcessFunction<T, Out, DeclaredSides>,
    options?: StepOptions,
  ): DataStream<Out, SideRecordsOf<DeclaredSides>> {
    checkProcessFunction('process', fn)
    return this.#step('process', { kind: 'process', fn }, options)
  }

  /**
   * Brings the records of equal key together. A field name is visible in the plan and to hashing; a function may
   * combine fields into an array or object, compared by content. What cannot be a key does not compile, see `Key`; what
   * the compiler does not see, as NaN, is refused at the first record (`KEY_INVALID`).
   */
  keyBy<Field extends KeyField<T>>(field: Field): KeyedStream<T, T[Field]>
  // `Field` is here for the compiler's messages only, which speak of the last overload.
  keyBy<const K, Field extends KeyField<T>>(
    select: Field | (((record: T) => K) & ((record: T) => Key | CheckedKey<K>)),
  ): KeyedStream<T, K>
  keyBy(selector: string | ((record: T) => unknown)): KeyedStream<T, unknown> {
    const key = parseKeySelector(selector)
    return new KeyedStream(this.#graph, this.#repartitioned({ kind: 'hash', key }), key)
  }

  /** The records of all streams, of whatever types, in no particular order between them; the lowest of their watermarks counts. */
  union<Others extends readonly DataStream<AnyRecord, AnyRecord>[]>(
    ...others: Others
  ): DataStream<T | RecordsOf<Others[number]>> {
    const edges = [...this.#edges]
    for (const other of others) {
      if (other.#graph !== this.#graph) {
        throw new MillraceError('GRAPH_INVALID', 'union: a stream belongs to another job', {
          hint: 'Unite streams that come from the same env.',
        })
      }
      for (const edge of other.#edges) {
        if (edges.some((known) => known.from === edge.from && known.sideOutput === edge.sideOutput)) {
          throw new MillraceError('GRAPH_INVALID', 'union: the same stream is given twice', {
            hint: 'To have every record twice, use .flatMap((record) => [record, record]).',
          })
        }
        edges.push(edge)
      }
    }
    return new DataStream(this.#graph, edges)
  }

  /** Deals the records out evenly, round robin, to the subtasks of the next step. */
  rebalance(): DataStream<T> {
    return new DataStream(this.#graph, this.#repartitioned({ kind: 'rebalance' }))
  }

  /** What the step before sends to one of its side outputs: a declared one, `late` of windows, `deadLetter` of sources. */
  sideOutput<Name extends keyof Sides & string>(name: Name): DataStream<Sides[Name]> {
    const [edge, ...more] = this.#edges
    if (edge === undefined || more.length > 0) {
      throw new MillraceError('GRAPH_INVALID', `sideOutput("${name}"): a union has no side outputs`, {
        hint: 'Ask the stream of the step that declares it.',
      })
    }
    return new DataStream(this.#graph, [this.#graph.sideOutput(edge, name)])
  }

  /** Ends the stream in a sink. A stream may end in several. */
  to(sink: Sink<T>, options?: StepOptions): void {
    if (typeof sink?.openWriter !== 'function') throw invalidOption('to', 'the sink', sink, 'a sink')
    this.#step('to', { kind: 'sink', sink }, options)
  }

  #step<Out, OutSides extends SideRecords>(
    call: string,
    spec: NodeSpec,
    options: StepOptions | undefined,
  ): DataStream<Out, OutSides> {
    return addStep(this.#graph, this.#edges, call, spec, options)
  }

  #repartitioned(partitioning: Partitioning): readonly LogicalEdge[] {
    return this.#edges.map((edge) => ({ ...edge, partitioning }))
  }
}

/** A stream whose records of equal key are processed together, in order, with state per key. */
export class KeyedStream<T, K> {
  readonly #graph: GraphBuilder
  readonly #edges: readonly LogicalEdge[]
  readonly #key: KeySelector

  /** Keyed streams come from `keyBy`. */
  constructor(graph: GraphBuilder, edges: readonly LogicalEdge[], key: KeySelector) {
    this.#graph = graph
    this.#edges = edges
    this.#key = key
  }

  /**
   * Folds the records of a key into one and emits the running value after every record. Where records get another form, the
   * options say how stored values become it.
   */
  reduce(reduce: (a: T, b: T) => T, options?: ReduceOptions<T>): DataStream<T> {
    checkFunction('reduce', 'the function', reduce)
    const { step, form } = parseReduceOptions('reduce', options)
    return this.#step('reduce', { kind: 'keyedReduce', key: this.#key, reduce, ...form }, step)
  }

  /**
   * Aggregates the records of a key and emits the running results after every record: as they are, or as `project`
   * makes of them and the key.
   */
  aggregate<Parts extends AggregateParts<T>>(parts: Parts, options?: StepOptions): DataStream<ResultsOf<Parts>>
  aggregate<Parts extends AggregateParts<T>, Out>(
    parts: Parts,
    project: (results: ResultsOf<Parts>, context: KeyContext<K>) => Out,
    options?: StepOptions,
  ): DataStream<Out>
  aggregate(
    parts: AggregateParts<T>,
    projectOrOptions?: ((results: AnyRecord, context: KeyContext<K>) => unknown) | StepOptions,
    options?: StepOptions,
  ): DataStream<unknown> {
    const project = typeof projectOrOptions === 'function' ? projectOrOptions : asItIs
    return this.#step(
      'aggregate',
      { kind: 'keyedAggregate', key: this.#key, aggregate: combineAggregates(parts), project },
      typeof projectOrOptions === 'function' ? options : (projectOrOptions ?? options),
    )
  }

  /** A function with state and timers per key, see `keyedProcess`. */
  process<
    Out = never,
    States extends StateDeclarations = Record<never, never>,
    DeclaredSides extends SideOutputs = NoSideRecords,
  >(
    fn: KeyedProcessFunction<K, T, Out, States, DeclaredSides>,
    options?: StepOptions,
  ): DataStream<Out, SideRecordsOf<DeclaredSides>> {
    checkKeyedProcessFunction('process', fn)
    return this.#step('process', { kind: 'keyedProcess', key: this.#key, fn }, options)
  }

  /** Cuts the records of each key into windows of event time. Every source before it needs watermarks. */
  window(assigner: WindowAssigner, options?: WindowOptions): WindowedStream<T, K> {
    if (typeof assigner?.sizeMs !== 'number') {
      throw invalidOption('window', 'the windows', assigner, 'made by tumbling or sliding')
    }
    checkOptions('window', options, ['allowedLateness'])
    const allowedLatenessMs =
      options?.allowedLateness === undefined ? 0 : parseDurationMs(options.allowedLateness, { allowZero: true })
    return new WindowedStream(this.#graph, this.#edges, this.#key, assigner, allowedLatenessMs)
  }

  #step<Out, OutSides extends SideRecords>(
    call: string,
    spec: NodeSpec,
    options: StepOptions | undefined,
  ): DataStream<Out, OutSides> {
    return addStep(this.#graph, this.#edges, call, spec, options)
  }
}

/** A keyed stream cut into windows; one result leaves per key and window once the watermark reaches the window's end. */
export class WindowedStream<T, K> {
  readonly #graph: GraphBuilder
  readonly #edges: readonly LogicalEdge[]
  readonly #key: KeySelector
  readonly #assigner: WindowAssigner
  readonly #allowedLatenessMs: number

  /** Windowed streams come from `window`. */
  constructor(
    graph: GraphBuilder,
    edges: readonly LogicalEdge[],
    key: KeySelector,
    assigner: WindowAssigner,
    allowedLatenessMs: number,
  ) {
    this.#graph = graph
    this.#edges = edges
    this.#key = key
    this.#assigner = assigner
    this.#allowedLatenessMs = allowedLatenessMs
  }

  /**
   * Aggregates the records of each key and window. The results leave as they are or as `project` makes of them, the
   * key and the window, with the window's end − 1 as their timestamp. Records that are late for all their windows are
   * at `.sideOutput('late')`.
   */
  aggregate<Parts extends AggregateParts<T>>(
    parts: Parts,
    options?: StepOptions,
  ): DataStream<ResultsOf<Parts>, { readonly late: T }>
  aggregate<Parts extends AggregateParts<T>, Out>(
    parts: Parts,
    project: (results: ResultsOf<Parts>, context: KeyWindowContext<K>) => Out,
    options?: StepOptions,
  ): DataStream<Out, { readonly late: T }>
  aggregate(
    parts: AggregateParts<T>,
    projectOrOptions?: ((results: AnyRecord, context: KeyWindowContext<K>) => unknown) | StepOptions,
    options?: StepOptions,
  ): DataStream<unknown, { readonly late: T }> {
    const aggregate = combineAggregates<T, AggregateParts<T>>(parts)
    return typeof projectOrOptions === 'function'
      ? this.#step('aggregate', aggregate, projectOrOptions, options)
      : this.#step('aggregate', aggregate, asItIs, projectOrOptions ?? options)
  }

  /**
   * Folds the records of each key and window into one, which leaves as it is or as `project` makes of it. Records
   * that are late for all their windows are at `.sideOutput('late')`.
   */
  reduce(reduce: (a: T, b: T) => T, options?: ReduceOptions<T>): DataStream<T, { readonly late: T }>
  reduce<Out>(
    reduce: (a: T, b: T) => T,
    project: (result: T, context: KeyWindowContext<K>) => Out,
    options?: ReduceOptions<T>,
  ): DataStream<Out, { readonly late: T }>
  reduce(
    reduce: (a: T, b: T) => T,
    projectOrOptions?: ((result: T, context: KeyWindowContext<K>) => unknown) | ReduceOptions<T>,
    options?: ReduceOptions<T>,
  ): DataStream<unknown, { readonly late: T }> {
    checkFunction('reduce', 'the function', reduce)
    const project = typeof projectOrOptions === 'function' ? projectOrOptions : asItIs
    const given = typeof projectOrOptions === 'function' ? options : (projectOrOptions ?? options)
    const { step, form } = parseReduceOptions('reduce', given)
    return this.#step('reduce', reducingAggregate(reduce, form), project, step)
  }

  #step<Out>(
    call: string,
    aggregate: AggregateFunction<T, AnyRecord, AnyRecord>,
    project: (result: AnyRecord, context: KeyWindowContext<AnyRecord>) => Out,
    options: StepOptions | undefined,
  ): DataStream<Out, { readonly late: T }> {
    checkFunction(call, 'the projection', project)
    const spec: NodeSpec = {
      kind: 'window',
      key: this.#key,
      assigner: this.#assigner,
      allowedLatenessMs: this.#allowedLatenessMs,
      aggregate,
      project,
    }
    return addStep(this.#graph, this.#edges, call, spec, options)
  }
}

function addStep<Out, OutSides extends SideRecords>(
  graph: GraphBuilder,
  inputs: readonly LogicalEdge[],
  call: string,
  spec: NodeSpec,
  options: StepOptions | undefined,
): DataStream<Out, OutSides> {
  return new DataStream(graph, [graph.add(spec, inputs, parseStepOptions(call, options))])
}

function parseKeySelector(selector: unknown): KeySelector {
  const calledAt = new Error('keyBy was called')
  if (typeof selector === 'string' && selector !== '') return { kind: 'field', field: selector, calledAt }
  if (typeof selector === 'function') {
    return { kind: 'function', select: selector as (record: AnyRecord) => unknown, calledAt }
  }
  throw invalidOption('keyBy', 'the key', selector, 'a field name or a function')
}

function asItIs(result: AnyRecord): AnyRecord {
  return result
}
