/** What the exit status of the command means; part of its contract. */
export const EXIT = {
  finished: 0,
  jobFailed: 1,
  wrongUsage: 2,
  /** By SIGINT or SIGTERM, as shells say it. */
  cancelled: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
