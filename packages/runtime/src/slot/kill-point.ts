/**
 * The step of a file operation at which this process ends itself with SIGKILL, so that a suite can place a real crash
 * there instead of hoping to hit it. Off unless the environment variable `MILLRACE_KILL_POINT` names a step, as
 * `<moment>:<operation>:<regular expression of the path>#<n>` for its n-th time in the whole process. `KillingFileSystem` is what counts.
 */
import { MillraceError } from '@millrace/api'

export const KILL_POINT_VARIABLE = 'MILLRACE_KILL_POINT'

/** `within` is for `write` only: half of the bytes are written. */
export type KillMoment = 'before' | 'within' | 'after'

const OPERATIONS = [
  'open-read',
  'create',
  'write',
  'sync',
  'make-folder',
  'rename',
  /** A rename in a folder that holds one which is not synced yet: the second of several. */
  'rename-next',
  'remove',
  'remove-folder',
  /** Syncs of a folder, by what they make durable. */
  'sync-created',
  'sync-renamed',
  'sync-removed',
  /** Each of the above but `rename-next`. */
  'any',
] as const

export type KillOperation = (typeof OPERATIONS)[number]

/** Plain data, so that it goes to worker threads; they all count down the same `left`. */
export interface KillPoint {
  readonly moment: KillMoment
  readonly operation: KillOperation
  /** A regular expression that the path must fit; for a rename the old path. */
  readonly path: string
  /** One Int32: how many times are left. */
  readonly left: SharedArrayBuffer
}

/** Throws `OPTION_INVALID`. */
export function parseKillPoint(text: string): KillPoint {
  const match = /^(before|within|after):([a-z-]+):(.*)#([1-9]\d*)$/.exec(text)
  const operation = OPERATIONS.find((each) => each === match?.[2])
  if (match === null || operation === undefined || (match[1] === 'within' && operation !== 'write')) {
    throw new MillraceError('OPTION_INVALID', `${KILL_POINT_VARIABLE} names no step: ${text}`, {
      details: { option: KILL_POINT_VARIABLE, value: text },
      hint: `Unset it: it is for suites that crash the process. Operations: ${OPERATIONS.join(', ')}.`,
    })
  }
  const left = new SharedArrayBuffer(4)
  new Int32Array(left)[0] = Number(match[4])
  return { moment: match[1] as KillMoment, operation, path: match[3] as string, left }
}

/** Never returns. */
export function killThisProcess(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; nothing may happen after the step.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
}
