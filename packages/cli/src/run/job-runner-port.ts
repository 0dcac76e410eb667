/**
 * What `run` needs of the engine, and nothing more: start a job, hear what happens to it, read its figures, stop it.
 * The engine's side of it is joined in `embedded-job-runner.ts`.
 */
import type { ErrorData, PlainValue } from '@millrace/api'
import type { PhysicalPlan, VertexId } from '@millrace/core'
import type { RestSettings } from '@millrace/rest'
import type { RecoveryFacts } from '@millrace/runtime'

export interface JobRunner {
  /** Starts at once; what goes wrong from then on is in the result. */
  start(request: RunRequest, onEvent: (event: RunEvent) => void): RunningJob
}

export interface RunRequest {
  readonly bundlePath: string
  readonly plan: PhysicalPlan
  /** As the job's schema gave them. */
  readonly params: PlainValue
  /** `-D` keys and values as they were written. */
  readonly configuration: Readonly<Record<string, string>>
  readonly restore: RestoreRequest
  /** End the job with a savepoint in `savepointFolder` once this many checkpoints are complete. */
  readonly stopAfter: StopAfter | undefined
  /** The REST server to start with the job; `undefined`: none. */
  readonly rest?: RestSettings | undefined
}

export type RestoreRequest =
  | { readonly kind: 'none' }
  /** `latest`: of the job's checkpoint folder, or nothing where there is none. */
  | ({ readonly kind: 'latest' } & RestoreOptions)
  /** As `latest`, but the newest that is whole where that one is damaged. */
  | ({ readonly kind: 'newest-whole' } & RestoreOptions)
  | ({ readonly kind: 'path'; readonly path: string } & RestoreOptions)

export interface RestoreOptions {
  /** Remove output that was committed after the restored checkpoint. */
  readonly discardNewer: boolean
  /** Accept state in the checkpoint that no step of the job claims. */
  readonly allowNonRestoredState: boolean
}

export interface StopAfter {
  readonly checkpoints: number
  readonly savepointFolder: string
}

export interface RunningJob {
  /** Never rejects. */
  readonly result: Promise<RunResult>
  /** The figures of this moment. */
  reading(): JobReading
  /** Suspends it without draining: a last checkpoint, its output committed, no watermark, no windows. */
  stop(): void
  /** Suspends it at once. */
  abort(): void
}

/** Flink's names. `FINISHED` after a stop with savepoint too. */
export type JobState =
  | 'CREATED'
  | 'INITIALIZING'
  | 'RUNNING'
  | 'RESTARTING'
  | 'FAILING'
  | 'FAILED'
  | 'CANCELLING'
  | 'CANCELED'
  | 'SUSPENDED'
  | 'FINISHED'

export interface RunResult {
  /** `SUSPENDED`: it was stopped here, and goes on with a resume. */
  readonly state: 'FINISHED' | 'FAILED' | 'CANCELED' | 'SUSPENDED'
  /** The start was refused: nothing ran, and nothing was changed. */
  readonly isRefused: boolean
  /** Some of its code hangs and cannot be ended: only the end of the process helps. */
  readonly isStuck: boolean
  /** Why it failed. */
  readonly error: ErrorData | undefined
  /** The savepoint that `stopAfter` asked for. */
  readonly savepoint: string | undefined
  readonly final: JobReading
  /** The last checkpoint that ended, subtask by subtask; `undefined` when there was none. */
  readonly lastCheckpoint: DetailedCheckpoint | undefined
}

export type RunEvent =
  | { readonly kind: 'state'; readonly atMs: number; readonly state: JobState }
  /** Something to tell the user: what was restored, removed, found. */
  | { readonly kind: 'message'; readonly atMs: number; readonly level: 'info' | 'warning'; readonly text: string }
  /** The REST server listens. `takenPort`: the port that it would have had, and somebody else has. */
  | { readonly kind: 'rest'; readonly atMs: number; readonly url: string; readonly takenPort: number | undefined }
  /** A line of a print sink. */
  | { readonly kind: 'printed'; readonly line: string }
  | {
      readonly kind: 'failure'
      readonly atMs: number
      readonly error: ErrorData
      /** Where it happened, when it happened in a task. */
      readonly task: { readonly vertex: VertexId; readonly subtask: number } | undefined
      /** `undefined`: there is no further attempt. */
      readonly restartInMs: number | undefined
    }
  | {
      readonly kind: 'checkpoint'
      readonly atMs: number
      readonly checkpoint: CheckpointReading
    }

export interface CheckpointReading {
  readonly id: number
  readonly kind: 'checkpoint' | 'savepoint'
  readonly outcome: 'completed' | 'failed'
  readonly endedAtMs: number
  readonly durationMs: number
  /** Written for this checkpoint. */
  readonly bytes: number
  /** Why it failed. */
  readonly reason: string | undefined
}

export interface DetailedCheckpoint extends CheckpointReading {
  readonly triggeredAtMs: number
  /** Of those that acknowledged it, in the order of the plan's vertices. */
  readonly subtasks: readonly SubtaskCheckpoint[]
}

/** What one subtask did for a checkpoint, phase by phase. */
export interface SubtaskCheckpoint {
  readonly vertex: VertexId
  readonly subtask: number
  readonly acknowledgedAtMs: number
  /** From the trigger to the acknowledgement. */
  readonly endToEndDurationMs: number
  /** From the trigger to the first barrier. */
  readonly startDelayMs: number
  /** From the first barrier to the last. */
  readonly alignmentDurationMs: number
  /** Fixing what belongs to the snapshot; processing stands still. */
  readonly syncDurationMs: number
  /** Encoding and writing beside processing. */
  readonly asyncDurationMs: number
  /** Read from channels while the barriers were aligned. */
  readonly processedBytes: number
  /** In-flight data within the snapshot. */
  readonly persistedBytes: number
  /** Newly written. */
  readonly checkpointedBytes: number
  /** All that the checkpoint names, older segments included. */
  readonly stateBytes: number
}

/** All figures of one moment. Counters are those of the present attempt. */
export interface JobReading {
  readonly atMs: number
  readonly startedAtMs: number
  readonly state: JobState
  /** 0 for the first. */
  readonly attempt: number
  readonly tasks: readonly TaskReading[]
  readonly checkpointsCompleted: number
  readonly checkpointsFailed: number
  readonly lastCheckpoint: CheckpointReading | undefined
  /** The last return after a failure, or the restore that this process began with; phase by phase. */
  readonly lastRecovery: RecoveryFacts | undefined
}

export interface TaskReading {
  readonly vertex: VertexId
  readonly subtask: number
  readonly isFinished: boolean
  readonly metrics: TaskFigures
}

/** By the names of the engine's task metrics. */
export interface TaskFigures {
  /** For a source what it read. */
  readonly numRecordsIn: number
  readonly numRecordsOut: number
  readonly numLateRecordsDropped: number
  readonly numRecordsSkipped: number
  readonly numRecordsDiscarded: number
  readonly busyTimeMs: number
  readonly idleTimeMs: number
  readonly backPressuredTimeMs: number
  readonly runnableTimeMs: number
  /** Epoch ms; −∞ for none yet, +∞ after the end of the input. */
  readonly currentInputWatermark: number
  readonly currentOutputWatermark: number
  readonly sourceProgressAmount: number
  /** NaN: unknown. */
  readonly sourceProgressTotal: number
  /** What the job's own code and its connectors count. */
  readonly userCounters: Readonly<Record<string, number>>
}
