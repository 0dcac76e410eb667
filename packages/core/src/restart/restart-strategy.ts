/**
 * Whether, and after which delay, a failed job is started again. Flink's strategies with Flink's defaults, and two rules
 * of our own before them: an error whose code says `fail` is not tried again, and neither is the same error of user
 * code that comes twice with no completed checkpoint in between (`isOfUserCode`). Pure: time and randomness come in.
 */
import { ERROR_CODES, type ErrorCode, type ErrorData } from '@millrace/api'

export type RestartStrategy =
  | { readonly type: 'none' }
  | { readonly type: 'fixed-delay'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly type: 'failure-rate'
      readonly maxFailuresPerInterval: number
      readonly intervalMs: number
      readonly delayMs: number
    }
  | {
      readonly type: 'exponential-delay'
      readonly initialBackoffMs: number
      readonly maxBackoffMs: number
      readonly backoffMultiplier: number
      /** Running this long without a failure makes the backoff the initial one again. */
      readonly resetBackoffThresholdMs: number
      /** The delay is changed by up to this share of it, either way, within its two bounds. */
      readonly jitterFactor: number
      /** Infinity: never gives up. */
      readonly attemptsBeforeResetBackoff: number
    }

export interface RestartState {
  readonly strategy: RestartStrategy
  /** Restarts so far; with exponential delay since the backoff was last reset. */
  readonly attempts: number
  readonly backoffMs: number
  readonly lastFailureMs: number | undefined
  /** Within the interval of `failure-rate`, oldest first. */
  readonly recentFailuresMs: readonly number[]
  /** Fingerprints of errors of user code since the last completed checkpoint, oldest first. */
  readonly userFailures: readonly string[]
}

/** A job that runs long without a checkpoint must not collect them without end. */
const USER_FAILURES_MAX = 100

export interface JobFailure {
  readonly error: ErrorData
  /** Where in the user's own code, as `findTopUserFrame` says. */
  readonly topUserFrame: string | undefined
}

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly attempt: number; readonly state: RestartState }
  | { readonly kind: 'fail'; readonly code: ErrorCode; readonly message: string; readonly state: RestartState }

export function createRestartState(strategy: RestartStrategy): RestartState {
  return {
    strategy,
    attempts: 0,
    backoffMs: strategy.type === 'exponential-delay' ? strategy.initialBackoffMs : 0,
    lastFailureMs: undefined,
    recentFailuresMs: [],
    userFailures: [],
  }
}

/** A checkpoint is complete: the job has moved on, and the next error of user code is a new one. */
export function onCheckpointCompleted(state: RestartState): RestartState {
  return state.userFailures.length === 0 ? state : { ...state, userFailures: [] }
}

/** `nowMs`: steady time. `random` gives a number in [0, 1) and is asked once for a jittered delay. */
export function decideRestart(
  state: RestartState,
  failure: JobFailure,
  nowMs: number,
  random: () => number,
): RestartDecision {
  const { error } = failure
  const code = error.code ?? 'INTERNAL'
  // Without restarts an error is simply the end: there is nothing that was used up.
  if (ERROR_CODES[code].action === 'fail' || state.strategy.type === 'none') {
    return { kind: 'fail', code, message: error.message, state }
  }
  if (!isOfUserCode(code, failure)) return byStrategy(state.strategy, state, nowMs, random)
  const print = fingerprint(code, failure)
  if (state.userFailures.includes(print)) {
    const message = `The job failed twice in the same way, with no checkpoint in between: ${error.message}`
    return { kind: 'fail', code: 'REPEATED_FAILURE', message, state }
  }
  const userFailures = [...state.userFailures, print].slice(-USER_FAILURES_MAX)
  return byStrategy(state.strategy, { ...state, userFailures }, nowMs, random)
}

/**
 * Whether trying again from the same checkpoint will most likely fail in the same way. Codes say it where the engine
 * knows. With any other code the error has to be thrown by a line of the user's own: what Node or a library throws
 * (a refused connection, a full disk) may pass, however long it takes, and so may what the user's code itself calls an
 * outside failure by an error with such a code.
 */
function isOfUserCode(code: ErrorCode, { error, topUserFrame }: JobFailure): boolean {
  if (ERROR_CODES[code].fault === 'user') return true
  if (topUserFrame === undefined) return false
  const chain = chainOf(error)
  if (topFrame(chain.at(-1)?.stack) !== topUserFrame) return false
  const userFile = fileOf(topUserFrame)
  return !chain.some(({ code: own, stack }) => {
    const frame = own !== undefined && ERROR_CODES[own].fault === 'external' ? topFrame(stack) : undefined
    return frame !== undefined && fileOf(frame) === userFile
  })
}

/**
 * The first stack frame that is the user's: neither of Node nor of the engine, as `isEngineFile` says.
 * `undefined` when there is none.
 */
export function findTopUserFrame(
  stack: string | undefined,
  isEngineFile: (file: string) => boolean,
): string | undefined {
  return framesOf(stack).find((frame) => !frame.startsWith('node:') && !isEngineFile(fileOf(frame)))
}

/** Where an error was thrown, in whoever's code. */
function topFrame(stack: string | undefined): string | undefined {
  return framesOf(stack)[0]
}

/** `file:line:column` of each frame that has one, the innermost first. */
function framesOf(stack: string | undefined): string[] {
  return (stack ?? '').split('\n').flatMap((line) => {
    const match = /^\s*at (?:async )?(?:.*? \()?((?:file:\/\/)?[^()]+?:\d+:\d+)\)?$/.exec(line)
    return match?.[1] === undefined ? [] : [match[1]]
  })
}

function fileOf(frame: string): string {
  return frame.replace(/:\d+:\d+$/, '')
}

function byStrategy(
  strategy: Exclude<RestartStrategy, { readonly type: 'none' }>,
  state: RestartState,
  nowMs: number,
  random: () => number,
): RestartDecision {
  switch (strategy.type) {
    case 'fixed-delay':
      if (state.attempts >= strategy.attempts) return exhausted(state, `All ${strategy.attempts} restarts are used up.`)
      return restart({ ...state, attempts: state.attempts + 1, lastFailureMs: nowMs }, strategy.delayMs)
    case 'failure-rate': {
      const { maxFailuresPerInterval, intervalMs, delayMs } = strategy
      const recent = [...state.recentFailuresMs.filter((atMs) => nowMs - atMs <= intervalMs), nowMs]
      if (recent.length > maxFailuresPerInterval) {
        return exhausted(state, `More than ${maxFailuresPerInterval} failures within ${intervalMs} ms.`)
      }
      const next = { ...state, recentFailuresMs: recent, attempts: state.attempts + 1, lastFailureMs: nowMs }
      return restart(next, delayMs)
    }
    case 'exponential-delay': {
      const last = state.lastFailureMs
      const isReset = last === undefined || nowMs - last >= strategy.resetBackoffThresholdMs + state.backoffMs
      const grown = Math.min(state.backoffMs * strategy.backoffMultiplier, strategy.maxBackoffMs)
      const backoffMs = isReset ? strategy.initialBackoffMs : Math.max(grown, strategy.initialBackoffMs)
      const attempts = isReset ? 0 : state.attempts
      if (attempts >= strategy.attemptsBeforeResetBackoff) {
        return exhausted(state, `All ${strategy.attemptsBeforeResetBackoff} restarts are used up.`)
      }
      const next = { ...state, attempts: attempts + 1, backoffMs, lastFailureMs: nowMs }
      const jitterMs = strategy.jitterFactor === 0 ? 0 : (random() * 2 - 1) * backoffMs * strategy.jitterFactor
      const delayMs = Math.min(Math.round(backoffMs + jitterMs), strategy.maxBackoffMs)
      // As in Flink, jitter never makes the delay shorter than the first one.
      return restart(next, Math.max(strategy.initialBackoffMs, delayMs))
    }
  }
}

function restart(state: RestartState, delayMs: number): RestartDecision {
  return { kind: 'restart', delayMs, attempt: state.attempts, state }
}

function exhausted(state: RestartState, message: string): RestartDecision {
  return { kind: 'fail', code: 'RESTARTS_EXHAUSTED', message, state }
}

function fingerprint(code: ErrorCode, { error, topUserFrame }: JobFailure): string {
  // How much memory was in use, and which state held most of it, differs from time to time.
  if (code === 'SLOT_OUT_OF_MEMORY') return JSON.stringify([code, error.details.slot ?? null])
  return JSON.stringify([code, chainOf(error).map(({ message }) => message), topUserFrame ?? null])
}

function chainOf(error: ErrorData): ErrorData[] {
  const chain: ErrorData[] = []
  for (let each: ErrorData | undefined = error; each !== undefined; each = each.cause) chain.push(each)
  return chain
}
