/**
 * How an attempt ended, and what follows from a failure: another attempt after a while, or the end of the job with an error.
 */
import { type ErrorData, MillraceError, toErrorData } from '@millrace/api'
import { createRestartState, decideRestart, onCheckpointCompleted, type RestartState } from '@millrace/core'
import type { TaskId } from '../task/task-ports.ts'
import type { CoordinatorOptions } from './coordinator-ports.ts'
import type { JobStop, UnfinishedState } from './job-stop.ts'

export type AttemptEnd =
  | { readonly kind: 'finished' }
  /** `isAtOnce`: the slots get no time to close. */
  | { readonly kind: 'canceled'; readonly isAtOnce: boolean }
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly task: TaskId | undefined
      readonly slot: number | undefined
    }

export type FailedAttempt = AttemptEnd & { readonly kind: 'failed' }

/** What a failure leads to. */
export type NextStep =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'end'; readonly state: 'FAILED' | UnfinishedState; readonly error: ErrorData }

/** Something of the attempt still acts, so that no other may begin. */
export function stuckError(end: FailedAttempt): ErrorData {
  const message = `A slot or a sink could not be ended after a failure: ${toErrorData(end.error).message}`
  const hint = 'It hangs in a call that nothing can end. End the process and start again with --resume.'
  return toErrorData(new MillraceError('SLOT_LOST', message, { hint, cause: end.error }))
}

/** Asks the restart strategy, unless the user is ending the job or going on could repeat output. */
export class FailureResponse {
  readonly #options: CoordinatorOptions
  readonly #stop: JobStop
  #restarts: RestartState

  constructor(options: CoordinatorOptions, stop: JobStop) {
    this.#options = options
    this.#stop = stop
    this.#restarts = createRestartState(options.config.restartStrategy)
  }

  onCheckpointCompleted(): void {
    this.#restarts = onCheckpointCompleted(this.#restarts)
  }

  /** `hasCommitted`: sinks have committed something in this run. */
  decide(end: FailedAttempt, hasCommitted: boolean): NextStep {
    const { clock, random, observer, findUserFrame, config } = this.#options
    const error = toErrorData(end.error)
    const report = (restartInMs: number | undefined): void =>
      observer.onFailure({ atMs: clock.now(), error, task: end.task, slot: end.slot, restartInMs })
    if (this.#stop.endState === 'FINISHED' && this.#stop.savepoint === undefined) {
      const message = `The job failed before its savepoint was taken: ${error.message}`
      observer.onMessage('warning', message)
      this.#stop.giveUp(new MillraceError('SAVEPOINT_FAILED', message, { cause: end.error }))
    }
    // Asked for at once, or while that savepoint was waited for.
    const { unfinishedState } = this.#stop
    if (unfinishedState !== undefined) {
      observer.onMessage(
        'warning',
        `The job failed while it was stopped, so output since the last checkpoint is not committed: ${error.message}`,
      )
      return { kind: 'end', state: unfinishedState, error }
    }
    if (!config.isCheckpointing && hasCommitted) {
      report(undefined)
      const message = `The job failed while its sinks committed, and without checkpoints it cannot go on from there: ${error.message}`
      const failure = new MillraceError('SINK_COMMIT_FAILED', message, {
        cause: end.error,
        hint: 'Turn checkpoints on (execution.checkpointing.interval).',
      })
      return { kind: 'end', state: 'FAILED', error: toErrorData(failure) }
    }
    const topUserFrame = findUserFrame(error)
    const failure = { error, topUserFrame }
    // Steady time: how often a job fails is no matter of the wall clock.
    const decision = decideRestart(this.#restarts, failure, clock.monotonicMs(), () => random.fraction())
    this.#restarts = decision.state
    if (decision.kind === 'restart') {
      report(decision.delayMs)
      return { kind: 'restart', delayMs: decision.delayMs }
    }
    report(undefined)
    const { code, message } = decision
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    const last =
      code === error.code ? error : toErrorData(new MillraceError(code, message, { ...hint, cause: end.error }))
    return { kind: 'end', state: 'FAILED', error: last }
  }
}
