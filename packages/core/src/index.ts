export {
  BATCH_RECORDS_MAX,
  createBatch,
  NO_TIMESTAMP,
  type RecordBatch,
  WATERMARK_MAX,
} from './batch/record-batch.ts'
export { FreezingInbox } from './chain/freezing-inbox.ts'
export { FusedSteps } from './chain/fused-steps.ts'
export { type ChainProgress, type ChainStage, type ChainTail, OperatorChain } from './chain/operator-chain.ts'
export { isComputed, lengthOf, type SourceCall, type SourceInput, SourceLoop } from './chain/source-loop.ts'
export { StageInbox } from './chain/stage-inbox.ts'
export type { FusedStep } from './chain/step-functions.ts'
export type {
  ChannelReader,
  ChannelWriter,
  CheckpointBarrier,
  CheckpointId,
  CheckpointMode,
  SnapshotKind,
  StreamElement,
} from './channel/stream-element.ts'
export {
  type AlignmentAction,
  type AlignmentMeasures,
  BarrierAlignment,
  type OpenAlignment,
  type Overtaking,
  overtakesFromMs,
} from './checkpoint/alignment.ts'
export {
  type CheckpointContents,
  type OperatorContents,
  type SharedBytes,
  takeInventory,
} from './checkpoint/checkpoint-inventory.ts'
export {
  type CheckpointCounts,
  type CheckpointFailure,
  type CheckpointRecord,
  type CheckpointStatistics,
  type CheckpointStatus,
  type CheckpointSummary,
  type NumberSummary,
  percentileOf,
  type RestoredRecord,
  type SubtaskMeasures,
  type SubtaskRecord,
  type VertexRecord,
} from './checkpoint/checkpoint-statistics.ts'
export { decideCheckpoint, type TrackerDecision } from './checkpoint/checkpoint-tracker.ts'
export { areSameFutures, beginFuture, type Future, partingOf } from './checkpoint/future.ts'
export {
  countRecords,
  type InFlightChannel,
  type InFlightElement,
  type InFlightReceiver,
  type InFlightSection,
  type InFlightStage,
  joinInFlight,
  latestWatermark,
  selectInFlight,
  standingOf,
} from './checkpoint/in-flight.ts'
export { encodeInFlight, InFlightSectionWriter, readInFlight } from './checkpoint/in-flight-format.ts'
export { InFlightReplay } from './checkpoint/in-flight-replay.ts'
export {
  type CheckpointManifest,
  type InFlightSnapshot,
  type KeyGroupSnapshot,
  MANIFEST_VERSION,
  type OperatorSnapshot,
  type SegmentLocation,
  type SegmentRef,
  type SubtaskInFlight,
  type SubtaskOperatorSnapshot,
  type SubtaskSnapshot,
  type VertexMeasures,
} from './checkpoint/manifest.ts'
export { assembleManifest, type ManifestFacts } from './checkpoint/manifest-assembly.ts'
export { encodeManifest, parseManifest } from './checkpoint/manifest-format.ts'
export { inFlightOf, keyedSegmentsOf, segmentsNamedBy } from './checkpoint/manifest-segments.ts'
export { planReads, type ReadLimits, type ReadPart, type ReadRange } from './checkpoint/read-plan.ts'
export {
  assignRestore,
  type OperatorRestore,
  type RestoreAssignment,
  type RestoreOptions,
  type SubtaskRestore,
} from './checkpoint/restore-assignment.ts'
export { describeMatched, describeUnmatched, type RestoreReport } from './checkpoint/restore-report.ts'
export { decideRetention, filesOf, type RetentionDecision, type RetentionInput } from './checkpoint/retention.ts'
export { type ChainMeasures, measureChain } from './checkpoint/segment-chain.ts'
export { finishedSegmentChecksum, hasSegmentChecksum, segmentChecksum } from './checkpoint/segment-checksum.ts'
export {
  checkStoredTable,
  readSegment,
  readSegmentHeader,
  SEGMENT_VERSION,
  type SegmentHeader,
  type SegmentVisitor,
  SegmentWriter,
} from './checkpoint/segment-format.ts'
export {
  DELTA_SHARE_MAX,
  DELTAS_MAX,
  decideSegmentKind,
  LIVE_SHARE_MIN,
  type OperatorKeyGroups,
  SegmentLedger,
  type StoredPiece,
} from './checkpoint/segment-ledger.ts'
export {
  type CheckpointRequest,
  checkpointStatistics,
  createTrackerState,
  nextDeadlineMs,
  type PendingCheckpoint,
  type RequestOutcome,
  type TaskRef,
  type TrackerAction,
  type TrackerConfig,
  type TrackerEvent,
  type TrackerState,
} from './checkpoint/tracker-state.ts'
export { BATCH_MESSAGE_RECORDS_MAX, decodeBatch, encodeBatch } from './codec/batch-codec.ts'
export { ByteReader } from './codec/byte-reader.ts'
export { ByteWriter } from './codec/byte-writer.ts'
export { BatchDecoderMemory } from './codec/column-decoder.ts'
export { BatchEncoderMemory } from './codec/column-encoder.ts'
export { crc32c } from './codec/crc32c.ts'
export { assertEncodable } from './codec/encodable.ts'
export { NumbersAt } from './codec/numbers-at.ts'
export { RecordCheck } from './codec/record-check.ts'
export { estimateBatchRecordBytes, estimateRecordBytes } from './codec/record-size.ts'
export type { TextCopier } from './codec/text-copier.ts'
export { decodeValue, encodeValue } from './codec/value-codec.ts'
export { ValueDecoder } from './codec/value-decoder.ts'
export { ValueEncoder } from './codec/value-encoder.ts'
export { type JsonForm, valueFromJson, valueToJson } from './codec/value-json.ts'
export type { Combining } from './combine/combine-loop.ts'
export type { AccumulatorColumn } from './combine/combine-slice.ts'
export { Combiner, type CombinerOptions, type CombinerOutput } from './combine/combiner.ts'
export {
  CONFIG_OPTIONS,
  type ConfigKey,
  type ConfigValues,
  type OptionSpec,
} from './config/options.ts'
export {
  type ConfigLayer,
  explainOption,
  formatDefault,
  parseConfig,
  restartStrategyOf,
  type TypedConfig,
} from './config/parse-config.ts'
export { unusedSettings } from './config/unused-settings.ts'
export { hashNumbers } from './key/composite-hash.ts'
export { HashIndex, mixHash, PART_ENTRIES_MAX, partIn } from './key/hash-index.ts'
export { canonicalKey, decodeKey, encodeKey, readKey, writeKey } from './key/key-encoding.ts'
export { describeKeyFailure } from './key/key-failure.ts'
export {
  defaultMaxParallelism,
  keyGroupOf,
  keyGroupOfHash,
  keyGroupRange,
  MAX_PARALLELISM_LIMIT,
  subtaskOfKeyGroup,
} from './key/key-group.ts'
export { hashEncodedKey, hashKey } from './key/key-hash.ts'
export { compileKeyHashes } from './key/key-hashes.ts'
export { compileKeySelector } from './key/key-selector.ts'
export { type MapKey, toMapKey } from './key/map-key.ts'
export { isSameKey } from './key/same-key.ts'
export { SpareBuffers } from './key/spare-buffers.ts'
export { createOperator } from './operator/create-operator.ts'
export type { Counter, Operator, OperatorHost, OperatorOutput, TurnBudget } from './operator/operator.ts'
export { describeUserFailure } from './operator/user-failure.ts'
export { compilePlan, slotsNeeded, vertexIdOf } from './plan/compile-plan.ts'
export type { PlanSettings } from './plan/graph-hash.ts'
export {
  type PhysicalPlan,
  PLAN_VERSION,
  type PlanEdge,
  type PlanPartitioning,
  type PlanStep,
  type PlanVertex,
  type VertexId,
} from './plan/physical-plan.ts'
export {
  createRestartState,
  decideRestart,
  findTopUserFrame,
  type JobFailure,
  onCheckpointCompleted,
  type RestartDecision,
  type RestartState,
  type RestartStrategy,
} from './restart/restart-strategy.ts'
export { type Conversion, convertEntry, isSameValue, type StoredEntry } from './state/convert-entry.ts'
export { type DeclaredTable, declaredTables, TIMER_TABLES } from './state/declared-tables.ts'
export { deepFreeze } from './state/deep-freeze.ts'
export { encodeWhole } from './state/encode-whole.ts'
export { ExpirySweep, REMOVAL_UNITS } from './state/expiry-sweep.ts'
export { NewerEntries, type NewerKeys } from './state/newer-entries.ts'
export type {
  KeyedSnapshot,
  KeyedStateBackend,
  KeyGroupRange,
  ListTable,
  LocalStoreUsage,
  MapTable,
  MemoryHolder,
  NamespaceCursor,
  NamespacedTable,
  RestoredSegment,
  SnapshotPiece,
  TableUsage,
  ValueCells,
  ValueTable,
} from './state/state-backend.ts'
export { createStateHandles } from './state/state-handles.ts'
export type { StoredForm } from './state/stored-form.ts'
export {
  type ChangedAggregates,
  checkStoredStates,
  decideReading,
  refuseLoss,
  type StoredStates,
  type TableReading,
  type UnreadState,
} from './state/stored-state-check.ts'
export { storedTable, type TableDescriptor, type TableKind } from './state/table-descriptor.ts'
export { WrittenTimes } from './state/written-times.ts'
export { WatermarkMerge } from './time/watermark-merge.ts'
export { TimerQueue } from './timer/timer-queue.ts'
