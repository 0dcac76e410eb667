/** What the progress display shows, ready to be laid out. */
import type { CheckpointReading, JobState } from '../run/job-runner-port.ts'

export interface ProgressSnapshot {
  readonly jobName: string
  readonly state: JobState
  readonly attempt: number
  readonly nowMs: number
  readonly elapsedMs: number
  readonly operators: readonly OperatorProgress[]
  /** Of all bounded inputs together; `undefined` when one is not bounded or its size is unknown. */
  readonly input: InputProgress | undefined
  readonly checkpointsCompleted: number
  readonly checkpointsFailed: number
  readonly lastCheckpoint: CheckpointReading | undefined
  /** Records that went nowhere, so far. */
  readonly lostRecords: number
}

export interface OperatorProgress {
  readonly name: string
  readonly parallelism: number
  readonly isSource: boolean
  readonly isSink: boolean
  readonly isFinished: boolean
  /** For a source what it read. */
  readonly recordsIn: number
  readonly recordsOut: number
  /** Of the last seconds; NaN while it cannot be told. */
  readonly recordsInPerSecond: number
  readonly recordsOutPerSecond: number
  /** Share of the time, 0 to 1, of the busiest and of the most back-pressured subtask. */
  readonly busy: number
  readonly backPressured: number
  /** Epoch ms; −∞ none yet, +∞ end of input. */
  readonly watermarkMs: number
}

export interface InputProgress {
  /** 0 to 1. */
  readonly ratio: number
  /** `undefined` while it cannot be told. */
  readonly leftMs: number | undefined
}
