/**
 * Whether, and after which delay, a failed job is started again. Flink's strategies with Flink's defaults, and two rules
 * of our own before them: an error whose code says `fail` is not tried again, and neither is the same error of user
 * code that comes twice with no completed checkpoint in between. Pure: time and randomness come in.
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
  /** Of user code, since the last completed checkpoint. */
  readonly userFailure: string | undefined
}

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
    userFailure: undefined,
  }
}

/** A checkpoint is complete: the job has moved on, and the next error of user code is a new one. */
export function onCheckpointCompleted(state: RestartState): RestartState {
  return state.userFailure === undefined ? state : { ...state, userFailure: undefined }
}

/** `random` gives a number in [0, 1) and is asked once for a jittered delay. */
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
  const userFailure = code === 'USER_FUNCTION_FAILED' ? fingerprint(failure) : state.userFailure
  if (code === 'USER_FUNCTION_FAILED' && userFailure === state.userFailure) {
    const message = `The job's own code failed twice in the same way, with no checkpoint in between: ${error.message}`
    return { kind: 'fail', code: 'REPEATED_FAILURE', message, state }
  }
  return byStrategy(state.strategy, { ...state, userFailure }, nowMs, random)
}

/**
 * The first stack frame that is the user's: neither of Node nor of the engine, as `isEngineFile` says.
 * `undefined` when there is none.
 */
export function findTopUserFrame(
  stack: string | undefined,
  isEngineFile: (file: string) => boolean,
): string | undefined {
  for (const line of (stack ?? '').split('\n')) {
    const match = /^\s*at (?:async )?(?:.*? \()?((?:file:\/\/)?[^()]+?):(\d+):(\d+)\)?$/.exec(line)
    const file = match?.[1]
    if (file === undefined || file.startsWith('node:') || isEngineFile(file)) continue
    return `${file}:${match?.[2]}:${match?.[3]}`
  }
  return undefined
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

function fingerprint({ error, topUserFrame }: JobFailure): string {
  const messages: string[] = []
  for (let each: ErrorData | undefined = error; each !== undefined; each = each.cause) messages.push(each.message)
  return JSON.stringify([error.code, messages, topUserFrame ?? null])
}
