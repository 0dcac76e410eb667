/**
 * The job that a server speaks for, and one look at it. Everything an answer says comes from one look, which is made when
 * somebody asks: a job that nobody asks about does nothing for the server.
 */
import type { JobDescription, JobHistory, JobReading, RunningJob } from '@millrace/runtime'

export type ServedJob = Pick<
  RunningJob,
  'description' | 'reading' | 'history' | 'cancel' | 'takeCheckpoint' | 'takeSavepoint' | 'stopWithSavepoint'
>

export interface JobLook extends JobDescription {
  readonly reading: JobReading
  readonly history: JobHistory
  /** `host:port` of this process, for the places that tell where a task runs. */
  readonly endpoint: string
}

/** `undefined` while the job is being loaded. */
export function lookAt(job: ServedJob, endpoint: string): JobLook | undefined {
  const description = job.description()
  const reading = job.reading()
  const history = job.history()
  if (description === undefined || reading === undefined || history === undefined) return undefined
  return { ...description, reading, history, endpoint }
}

/** Flink names a task manager by its address and some random digits; here the process is one. */
export function taskManagerIdOf({ history, endpoint }: JobLook): string {
  return `${endpoint}-${history.jobId.slice(0, 6)}`
}
