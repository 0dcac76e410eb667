export { type CollectedRecord, HarnessOutput } from './operator-harness/harness-output.ts'
export { OperatorHarness, type OperatorHarnessOptions } from './operator-harness/operator-harness.ts'
export { SeededRandom } from './random/seeded-random.ts'
export {
  type DiskFlight,
  type DiskOperation,
  type DiskOperationKind,
  type MountOptions,
  SimulatedDisk,
  type SimulatedDiskOptions,
} from './sim-disk/simulated-disk.ts'
export { ActionLog } from './simulation/action-log.ts'
export { DiskTraffic } from './simulation/disk-traffic.ts'
export { isDamage } from './simulation/disk-trouble.ts'
export {
  drawFaultPlan,
  drawPreferences,
  FAULT_KINDS,
  FAULTS_WITHOUT_CHECKPOINTS,
  type FaultKind,
  type FaultPlan,
  type Preferences,
} from './simulation/fault-plan.ts'
export { Life } from './simulation/life.ts'
export { MemoryStoreFolder } from './simulation/memory-store-folder.ts'
export { STATE_BACKENDS } from './simulation/simulated-slots.ts'
export { Simulation } from './simulation/simulation.ts'
export type { InspectedMoment, SimulationEnd, SimulationOptions } from './simulation/simulation-options.ts'
export { ALIGNMENTS, SNAPSHOT_OCCASIONS } from './simulation/snapshot-coverage.ts'
export { UserCode } from './simulation/user-code.ts'
export {
  type DrillRecord,
  type SinkConformanceOptions,
  type SinkWorld,
  sinkConformance,
} from './sink-conformance/sink-conformance.ts'
export { type DrillOptions, SINK_CRASHES, type SinkCrash, SinkDrill } from './sink-conformance/sink-drill.ts'
export type { BackendOptions, CreateBackend } from './state-conformance/create-backend.ts'
export { OpenChainsSnapshot, SegmentChains } from './state-conformance/segment-chains.ts'
export { stateBackendConformance } from './state-conformance/state-backend-conformance.ts'
export { openTestDatabase, whyNoRocksdb } from './state-conformance/test-database.ts'
export { FileStorageWorld, type FileStorageWorldOptions } from './storage-conformance/file-storage-world.ts'
export { MortalFileSystem } from './storage-conformance/mortal-file-system.ts'
export {
  checkpointStorageConformance,
  type StorageConformanceOptions,
} from './storage-conformance/storage-conformance.ts'
export type { LifeOptions, StorageLife, StorageWorld } from './storage-conformance/storage-world.ts'
