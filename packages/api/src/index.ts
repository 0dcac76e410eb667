/** The public face of Millrace: what jobs and connectors import. Every export is named here. */

export type { AggregateFunction, AggregatePart } from './aggregate/aggregate-function.ts'
export { type AggregateInCells, aggregateInCells } from './aggregate/aggregate-in-cells.ts'
export { added as checkAdded } from './aggregate/checked-calls.ts'
export { type AggregateParts, aggregateFunction, type ResultsOf } from './aggregate/combine-aggregates.ts'
export { DistinctValues } from './aggregate/distinct-values.ts'
export type { SumAccumulator } from './aggregate/exact-sum.ts'
export { filtered } from './aggregate/filtered.ts'
export { average, count, countDistinct, first, last, max, min, sum } from './aggregate/ready-aggregates.ts'
export { type Sharers, sharedValues, sharersAmong, valuesApart } from './aggregate/shared-distinct.ts'
export type { Countable, FieldOf } from './aggregate/value-selector.ts'
export {
  FileError,
  type FileErrorKind,
  type FileFacts,
  type FileSystem,
  type FolderEntry,
  type ReadableFile,
  type WritableFile,
} from './connector/file-system.ts'
export type { PlainValue } from './connector/plain-value.ts'
export type {
  DeliveryGuarantee,
  PreparedOutput,
  PrepareReason,
  Sink,
  SinkCommitter,
  SinkCommitterContext,
  SinkTargetContext,
  SinkWriter,
  SinkWriterContext,
} from './connector/sink.ts'
export {
  type Boundedness,
  type ComputedBatch,
  type DeadLetter,
  type EnumerateContext,
  type ReaderContext,
  RejectedInput,
  type Source,
  type SourceBatch,
  type SourceSplit,
  type SplitReader,
} from './connector/source.ts'
export {
  ERROR_CODES,
  type ErrorAction,
  type ErrorCode,
  type ErrorCodeEntry,
  type ErrorFault,
} from './error/error-code.ts'
export {
  type ErrorData,
  type ErrorDetails,
  fromErrorData,
  MillraceError,
  type MillraceErrorOptions,
  toErrorData,
} from './error/millrace-error.ts'
export { keyedProcess, process, type } from './function/define-process.ts'
export type {
  KeyedProcessContext,
  KeyedProcessFunction,
  ProcessContext,
  ProcessFunction,
  SideOutputs,
  StateDeclarations,
  StateHandles,
  TimeDomain,
  Timers,
  TypeOf,
  TypeToken,
} from './function/process-function.ts'
export { isPromise, type NothingReturned, promiseRefusal, synchronousResult } from './function/synchronous-result.ts'
export {
  type AnyKeyedProcessFunction,
  type AnyProcessFunction,
  type AnyRecord,
  type FilterSpec,
  type FlatMapSpec,
  type KeyedAggregateSpec,
  type KeyedProcessSpec,
  type KeyedReduceSpec,
  type KeySelector,
  LATE_OUTPUT,
  type LogicalEdge,
  type LogicalGraph,
  type LogicalNode,
  type MapSpec,
  type NodeId,
  type NodeSpec,
  type Partitioning,
  type ProcessSpec,
  type SinkSpec,
  type SourceSpec,
  type WindowSpec,
} from './graph/logical-graph.ts'
export { buildGraph } from './job/build-graph.ts'
export {
  defineJob,
  isJobDefinition,
  type JobDeclaration,
  type JobDefinition,
  type UncheckedParams,
} from './job/define-job.ts'
export { parseJobParams } from './job/parse-params.ts'
export type { SchemaIssue, SchemaOutput, SchemaResult, StandardSchema } from './job/standard-schema.ts'
export {
  checkChoice,
  checkFunction,
  checkOptions,
  checkText,
  checkWholeNumber,
  invalidOption,
} from './option/check-options.ts'
export { nearestName } from './option/nearest-name.ts'
export { collect } from './sink/collect.ts'
export { decodePlain, encodePlain, type OtherForms } from './sink/plain-encoding.ts'
export { formatRecord, type PrintOptions, print } from './sink/print.ts'
export {
  type CommitAnswer,
  type OpenTransaction,
  type PreparedTransaction,
  type TransactionalSinkOptions,
  type TransactionalTarget,
  transactionalSink,
} from './sink/two-phase/transactional-sink.ts'
export { type Upsert, type UpsertSinkOptions, type UpsertTarget, upsertSink } from './sink/two-phase/upsert-sink.ts'
export {
  type LoggedBatch,
  type WriteAheadBatch,
  type WriteAheadSinkOptions,
  type WriteAheadTarget,
  writeAheadSink,
} from './sink/two-phase/write-ahead-sink.ts'
export { type AsyncIterableOptions, fromAsyncIterable } from './source/async-iterable.ts'
export { collection } from './source/collection.ts'
export { type GeneratorOptions, generator } from './source/generator.ts'
export { aggregatingState, listState, mapState, reducingState, valueState } from './state/declare-state.ts'
export type { DeepReadonly } from './state/deep-readonly.ts'
export type {
  AggregatingState,
  AggregatingStateDescriptor,
  ListState,
  ListStateDescriptor,
  MapState,
  MapStateDescriptor,
  ReducingState,
  ReducingStateDescriptor,
  StateDescriptor,
  StateHandle,
  StateKind,
  StateOptions,
  Storable,
  TtlOptions,
  TtlRules,
  TtlUpdate,
  TtlVisibility,
  ValueState,
  ValueStateDescriptor,
} from './state/state-descriptor.ts'
export type {
  AnySchema,
  FormOptions,
  KeyMigrationOptions,
  MigrationOptions,
  StateEvolution,
} from './state/state-evolution.ts'
export { Env, type FromOptions, type SourceSideRecords } from './stream/env.ts'
export type { CheckedKey, Key, KeyField, NotAKey } from './stream/key.ts'
export type { ReduceOptions, StepOptions } from './stream/step-options.ts'
export {
  DataStream,
  type KeyContext,
  KeyedStream,
  type KeyWindowContext,
  type NoSideRecords,
  type RecordsOf,
  type SideRecords,
  type SideRecordsOf,
  WindowedStream,
  type WindowOptions,
} from './stream/stream.ts'
export { type Duration, type DurationUnit, parseDurationMs } from './time/duration.ts'
export { type MemorySize, type MemoryUnit, parseMemorySizeBytes } from './time/memory-size.ts'
export type { WatermarkGenerator, WatermarkStrategy } from './time/watermark-strategy.ts'
export {
  ascending,
  boundedOutOfOrderness,
  type CustomWatermarks,
  customWatermarks,
  type WatermarkOptions,
} from './time/watermarks.ts'
export { type SlidingOptions, sliding, type TumblingOptions, tumbling } from './window/aligned-windows.ts'
export type { TimeWindow, WindowAssigner } from './window/window-assigner.ts'
