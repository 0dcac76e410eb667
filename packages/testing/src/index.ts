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
export { OpenChainsSnapshot, SegmentChains } from './state-conformance/segment-chains.ts'
export {
  type BackendOptions,
  type CreateBackend,
  stateBackendConformance,
} from './state-conformance/state-backend-conformance.ts'
