import type { ErrorCode } from '@millrace/api'

/** What the exit status of the command means; part of its contract. */
export const EXIT = {
  finished: 0,
  jobFailed: 1,
  wrongUsage: 2,
  /** Cancelled by its user, or stopped by SIGINT, as shells say it. */
  cancelled: 130,
  /** Stopped by SIGTERM, as shells say it. */
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What the user wrote is wrong, and no task has run. */
const USAGE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'USAGE',
  'CONFIG_UNKNOWN_KEY',
  'CONFIG_INVALID_VALUE',
  'PARAMS_INVALID',
  'JOB_NOT_FOUND',
  'CHECKPOINT_NOT_FOUND',
  'STATE_NOT_FOUND',
  'RUNNING_JOB_NOT_FOUND',
])

export function isUsageError(code: ErrorCode | undefined): boolean {
  return code !== undefined && USAGE_CODES.has(code)
}
