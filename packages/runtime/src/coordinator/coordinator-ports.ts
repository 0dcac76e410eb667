/** What a coordinator is given, and what it tells. */
import type { ErrorData, FileSystem, LogicalGraph } from '@millrace/api'
import type {
  CheckpointId,
  CheckpointManifest,
  CheckpointStatistics,
  Future,
  PhysicalPlan,
  RestartStrategy,
  TrackerConfig,
} from '@millrace/core'
import type { NetworkMemoryLimits } from '../channel/network-memory.ts'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { Clock, RandomSource } from '../clock/clock.ts'
import type { TaskId } from '../task/task-ports.ts'
import type { ClaimedSnapshot } from './claimed-snapshot.ts'
import type { JobState, TaskReading } from './job-facts.ts'
import type { EndState } from './job-stop.ts'
import type { RecoveryFacts } from './recovery-clock.ts'
import type { SlotLauncher } from './slot-launcher.ts'

export interface CoordinatorOptions {
  /** Of this run of the job: 32 hex digits. */
  readonly jobId: string
  readonly graph: LogicalGraph
  readonly plan: PhysicalPlan
  readonly config: CoordinatorConfig
  readonly clock: Clock
  readonly random: RandomSource
  readonly files: FileSystem
  readonly launcher: SlotLauncher
  readonly storage: CheckpointStorage
  /** The folder of `storage`, for the slots. */
  readonly checkpointFolder: string
  /** Id of the job's history: of the restored checkpoint, or a new one. */
  readonly lineage: string
  /** Through which futures of that history its checkpoints come. */
  readonly futures: readonly Future[]
  /** Where to start from. */
  readonly restored: RestoredCheckpoint | undefined
  /** Whole checkpoints in the folder at the start; retention counts them. */
  readonly existing: readonly CheckpointManifest[]
  /** Makes the checkpoint folder this history's: before it, a start that fails leaves the one before to be resumed. */
  claim(): Promise<void>
  /** Above every id that the folder has seen. */
  readonly firstCheckpointId: CheckpointId
  /** The restored checkpoint, when it is one of the folder and was asked for by its name. */
  readonly unclaimedId: CheckpointId | undefined
  /** The restored snapshot, when it lies outside the folder and the job owns it. */
  readonly claimed: ClaimedSnapshot | undefined
  readonly discardNewer: boolean
  readonly allowNonRestoredState: boolean
  readonly stopAfter: StopAfterCheckpoints | undefined
  readonly observer: CoordinatorObserver
  /** The first frame of an error's stack that is the user's own. */
  findUserFrame(error: ErrorData): string | undefined
}

export interface RestoredCheckpoint {
  readonly manifest: CheckpointManifest
  /** The manifest's file. */
  readonly file: string
  /** What its segments are relative to, when that is not the job's own checkpoint folder. */
  readonly folder: string | undefined
  /** The job was started from it by its name: one that was drained is then read on from, where its sources stood. */
  readonly isNamed?: boolean
}

export interface StopAfterCheckpoints {
  readonly checkpoints: number
  readonly savepointFolder: string
}

export interface CoordinatorConfig {
  /** Configuration as it was written; slots parse it again. */
  readonly given: Readonly<Record<string, string>>
  readonly isCheckpointing: boolean
  readonly isIncremental: boolean
  readonly tracker: TrackerConfig
  readonly retainedMax: number
  readonly retention: CheckpointRetention
  /** `execution.checkpointing.savepoint-dir`: savepoints get folders of their own in it. */
  readonly savepointFolder: string | undefined
  readonly restartStrategy: RestartStrategy
  readonly network: NetworkMemoryLimits
  readonly encodeAlways: boolean
  readonly heartbeatTimeoutMs: number
  readonly terminationTimeoutMs: number
}

/** `execution.checkpointing.externalized-checkpoint-retention`. */
export type CheckpointRetention = 'RETAIN_ON_CANCELLATION' | 'DELETE_ON_CANCELLATION' | 'NO_EXTERNALIZED_CHECKPOINTS'

export interface CoordinatorObserver {
  onState(state: JobState, atMs: number): void
  onMessage(level: 'info' | 'warning', text: string): void
  onFailure(failure: FailureReport): void
  onCheckpoint(report: CheckpointReport): void
  /** A line from a `print` sink. */
  onPrinted(line: string): void
}

export interface FailureReport {
  readonly atMs: number
  readonly error: ErrorData
  readonly task: TaskId | undefined
  readonly slot: number | undefined
  /** `undefined`: there is no further attempt. */
  readonly restartInMs: number | undefined
}

export interface CheckpointReport {
  readonly id: CheckpointId
  readonly outcome: 'completed' | 'failed'
  readonly reason: string | undefined
}

/** The figures of one moment. */
export interface JobReading {
  readonly atMs: number
  readonly startedAtMs: number
  readonly state: JobState
  readonly attempt: number
  readonly slots: number
  readonly statistics: CheckpointStatistics
  /** Returns after failures and restored starts of this process, the newest last. */
  readonly recoveries: readonly RecoveryFacts[]
  readonly tasks: readonly TaskReading[]
}

export interface JobOutcome {
  readonly state: EndState
  /**
   * Some of its code could not be ended and may still act. The process has to end; until then the checkpoint folder stays
   * locked.
   */
  readonly isStuck: boolean
  readonly error: ErrorData | undefined
  /** The folder of the savepoint that the job stopped with. */
  readonly savepoint: string | undefined
  /** What `collect` sinks committed, by name. */
  readonly collected: Readonly<Record<string, readonly unknown[]>>
  /** The last figures of the tasks; `undefined` when the job never started. */
  readonly reading: JobReading | undefined
}
