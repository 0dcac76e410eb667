/** This process as a cluster of one task manager: `/config` and `/overview`. Pure. */
import type { JobLook } from '../served-job.ts'

export interface Versions {
  readonly millrace: string
}

/** `offsetMinutes` as `Date.getTimezoneOffset` gives it. */
export interface TimeZone {
  readonly name: string
  readonly offsetMinutes: number
}

const REFRESH_INTERVAL_MS = 3_000

export function configJson({ millrace }: Versions, zone: TimeZone): object {
  return {
    'refresh-interval': REFRESH_INTERVAL_MS,
    'timezone-name': zone.name,
    'timezone-offset': -zone.offsetMinutes * 60_000,
    'flink-version': millrace,
    'flink-revision': 'millrace',
    features: { 'web-submit': false, 'web-cancel': true, 'web-rescale': false, 'web-history': false },
  }
}

export function overviewJson({ millrace }: Versions, looks: readonly JobLook[]): object {
  const states = looks.map(({ history }) => history.state)
  const count = (...wanted: string[]): number => states.filter((state) => wanted.includes(state)).length
  const used = looks.reduce((sum, { reading }) => sum + reading.slots, 0)
  const total = looks.reduce(
    (sum, { config, reading }) => sum + (config.get('taskmanager.numberOfTaskSlots') ?? reading.slots),
    0,
  )
  return {
    taskmanagers: 1,
    'slots-total': Math.max(total, used),
    'slots-available': Math.max(0, total - used),
    'jobs-running': count('CREATED', 'INITIALIZING', 'RUNNING', 'RESTARTING', 'FAILING', 'CANCELLING'),
    'jobs-finished': count('FINISHED'),
    'jobs-cancelled': count('CANCELED'),
    'jobs-failed': count('FAILED'),
    'flink-version': millrace,
    'flink-commit': 'millrace',
  }
}
