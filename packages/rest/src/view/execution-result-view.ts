/** How a job ended: `/jobs/:jobid/execution-result`. Pure. */
import { failureJson } from '../operation/failure.ts'
import type { JobLook } from '../served-job.ts'
import { jobSpan } from './job-view.ts'
import { isEndedJob } from './state-counts.ts'

const APPLICATION_STATUS: Readonly<Record<string, string>> = {
  FINISHED: 'SUCCEEDED',
  FAILED: 'FAILED',
  CANCELED: 'CANCELED',
  // Flink's word for a job that goes on elsewhere.
  SUSPENDED: 'UNKNOWN',
}

export function executionResultJson({ history, plan, reading }: JobLook): object {
  if (!isEndedJob(history.state)) return { status: { id: 'IN_PROGRESS' } }
  const span = jobSpan(history, reading.atMs)
  const last = history.state === 'FAILED' ? history.exceptions.at(-1) : undefined
  return {
    status: { id: 'COMPLETED' },
    'job-execution-result': {
      id: history.jobId,
      name: plan.jobName,
      'application-status': APPLICATION_STATUS[history.state],
      'accumulator-results': {},
      'net-runtime': span.duration,
      ...(last === undefined ? {} : { 'failure-cause': failureJson(last.error) }),
      'application-id': history.jobId,
      'start-time': span['start-time'],
      'end-time': span['end-time'],
    },
  }
}
