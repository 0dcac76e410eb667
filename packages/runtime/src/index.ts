export { BufferTextCopier } from './channel/buffer-text-copier.ts'
export { createDoorbell, DOORBELL_BYTES, Doorbell, DoorbellRinger } from './channel/doorbell.ts'
export { LocalChannel, type LocalChannelOptions } from './channel/local-channel.ts'
export {
  countRingChannels,
  decideNetworkMemory,
  type ExchangeChannels,
  type NetworkMemory,
  type NetworkMemoryLimits,
} from './channel/network-memory.ts'
export { createRing, type RingMemory, type RingOptions, ringCapacityWithin } from './channel/ring.ts'
export {
  RECORD_BYTES_MAX,
  RingChannelReader,
  type RingChannelReaderOptions,
  RingChannelWriter,
  type RingChannelWriterOptions,
} from './channel/ring-channel.ts'
export type { WakeUp } from './channel/wake-up.ts'
export {
  type CheckpointStorage,
  type ListedCheckpoint,
  type NewSegment,
  type SegmentBatch,
  type SegmentTarget,
  type SegmentWriting,
  STORAGE_STEPS,
  type StepProbe,
  type StorageStep,
} from './checkpoint-storage/checkpoint-storage.ts'
export { type DisposedSavepoint, disposeSavepoint } from './checkpoint-storage/dispose-savepoint.ts'
export {
  FileCheckpointStorage,
  type FileStorageOptions,
  latestWhole,
  type OpenedSnapshot,
  openSnapshot,
} from './checkpoint-storage/file-checkpoint-storage.ts'
export { FolderLock, LOCK_FILE, type LockOptions } from './checkpoint-storage/folder-lock.ts'
export { type InspectedCheckpoints, inspectCheckpoints } from './checkpoint-storage/inspect-checkpoints.ts'
export { type ProcessIdentity, type ProcessTable, SystemProcessTable } from './checkpoint-storage/process-identity.ts'
export { isOfNewerVersion } from './checkpoint-storage/storage-errors.ts'
export { type Clock, type RandomSource, SystemClock, SystemRandom } from './clock/clock.ts'
export {
  type ChosenStart,
  chooseStart,
  planSettingsOf,
  type RestoreChoices,
  type RestoreRequest,
  type StartSurroundings,
} from './coordinator/choose-start.ts'
export { coordinatorConfigOf } from './coordinator/coordinator-config.ts'
export type {
  CheckpointReport,
  CheckpointRetention,
  CoordinatorConfig,
  CoordinatorObserver,
  CoordinatorOptions,
  FailureReport,
  JobOutcome,
  JobReading,
  RestoredCheckpoint,
  StopAfterCheckpoints,
} from './coordinator/coordinator-ports.ts'
export { JobCoordinator } from './coordinator/job-coordinator.ts'
export type {
  AttemptFacts,
  ExceptionFacts,
  JobHistory,
  JobState,
  StateChange,
  SubtaskFacts,
  SubtaskState,
  TaskReading,
} from './coordinator/job-facts.ts'
export type { CheckpointType } from './coordinator/on-demand-snapshots.ts'
export { describeRecovery, type RecoveryFacts } from './coordinator/recovery-clock.ts'
export { type JobDescription, type RunJobOptions, type RunningJob, runJob } from './coordinator/run-job.ts'
export type { SlotHandle, SlotLauncher, SlotLaunchOptions, SlotListener } from './coordinator/slot-launcher.ts'
export type { CompletedSnapshot } from './coordinator/snapshot-request.ts'
export { NodeFileSystem } from './file-system/node-file-system.ts'
export { type BundledJob, bundleJob } from './job-loading/bundle-job.ts'
export { loadJob } from './job-loading/load-job.ts'
export { type ParamArguments, parseParamArguments } from './job-loading/param-arguments.ts'
export { parseParams } from './job-loading/parse-params.ts'
export {
  createTaskMetrics,
  TASK_METRICS,
  type TaskMetric,
  TaskMetricsReader,
  type TaskMetricsSnapshot,
  TaskMetricsWriter,
  USER_COUNTERS_MAX,
  type UserCounterName,
} from './metrics/task-metrics.ts'
export { KILL_POINT_VARIABLE } from './slot/kill-point.ts'
export type { FromSlot, SlotDeployment, TaskDeployment, ToSlot } from './slot/protocol.ts'
export { Slot } from './slot/slot.ts'
export type { LoadedJob, SlotEnvironment, SlotMemory, SlotSizes } from './slot/slot-environment.ts'
export { COMPILER_FLAGS, tuneCompiler } from './slot/tune-compiler.ts'
export { HeapStateBackend } from './state/heap/heap-state-backend.ts'
export type { OrderedBatch, OrderedScan, OrderedStore } from './state/rocksdb/ordered-store.ts'
export { loadRocksdbBinding, type RocksdbBinding } from './state/rocksdb/rocksdb-binding.ts'
export { RocksdbDatabase, type RocksdbDatabaseOptions } from './state/rocksdb/rocksdb-database.ts'
export { RocksdbStateBackend, type RocksdbStateBackendOptions } from './state/rocksdb/rocksdb-state-backend.ts'
export { SegmentsStateBackend, type SegmentsStateBackendOptions } from './state/segments/segments-state-backend.ts'
export { NodeStoreFolder, type StoreFile, type StoreFolder } from './state/segments/store-file.ts'
export type { StateBackendOptions } from './state/table-state-backend.ts'
export { compareStates, type StateDifference } from './state-reader/compare-states.ts'
export { type EntryFilter, entryBytes, isExpired, type SavedEntry, SavedState } from './state-reader/saved-state.ts'
export {
  type KeyBytes,
  type OperatorSummary,
  type SavedStateSummary,
  type StateSummary,
  type SummaryOptions,
  summarizeState,
} from './state-reader/summarize-state.ts'
export { exportedEntries } from './state-writer/exported-entries.ts'
export {
  type BootstrapContext,
  type BootstrapOptions,
  bootstrapState,
  type OperatorState,
  type StoredStateEntry,
  storedEntries,
  type Values,
} from './state-writer/operator-state.ts'
export { type WriteSavepointOptions, type WrittenOperator, writeSavepoint } from './state-writer/write-savepoint.ts'
