/** Whether a checkpoint or savepoint can be asked for at this moment; every refusal says what to do instead. Pure. */
import { MillraceError } from '@millrace/api'
import type { JobState } from './job-facts.ts'

export type SnapshotPurpose = 'checkpoint' | 'savepoint' | 'stop'

export interface JobMoment {
  readonly state: JobState
  /** All tasks of an attempt run. */
  readonly isRunning: boolean
  readonly isCheckpointing: boolean
  /** What ends the job already. */
  readonly ending: 'cancel' | 'suspend' | 'stop' | undefined
}

const ENDED: ReadonlySet<JobState> = new Set<JobState>(['FINISHED', 'FAILED', 'CANCELED', 'SUSPENDED'])
const WHAT: Readonly<Record<SnapshotPurpose, string>> = {
  checkpoint: 'No checkpoint can be taken',
  savepoint: 'No savepoint can be taken',
  stop: 'The job cannot be stopped with a savepoint',
}

export function refuseSnapshot(purpose: SnapshotPurpose, moment: JobMoment): MillraceError | undefined {
  const { state } = moment
  const refuse = (because: string, hint: string): MillraceError =>
    new MillraceError(
      purpose === 'checkpoint' ? 'CHECKPOINT_FAILED' : 'SAVEPOINT_FAILED',
      `${WHAT[purpose]}: ${because}`,
      { details: { state }, hint },
    )
  if (ENDED.has(state)) {
    return refuse(`the job has ended, it is ${state}`, 'Its last checkpoint can be restored like a savepoint, with -s.')
  }
  if (moment.ending === 'cancel') {
    return refuse('the job is being cancelled', 'Its last checkpoint can be restored like a savepoint, with -s.')
  }
  if (moment.ending === 'suspend') {
    return refuse('its process is being ended', 'Start the job again with --resume, then ask again.')
  }
  if (moment.ending === 'stop') {
    return refuse('the job is being stopped with a savepoint already', 'Wait for that one.')
  }
  if (!moment.isRunning) {
    return refuse(`not all tasks run, the job is ${state}`, 'Ask again when it is RUNNING.')
  }
  if (moment.isCheckpointing) return undefined
  return refuse(
    'the job runs without checkpoints (execution.checkpointing.interval is 0)',
    'Start it with an interval; a long one, as 365 d, takes none by itself.',
  )
}
