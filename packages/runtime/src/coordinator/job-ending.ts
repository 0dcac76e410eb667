/**
 * Carries out that a job is to end: a stop becomes a request for a last checkpoint or a savepoint, an end at once becomes the end
 * of the attempt. What was asked for, and what the job ends as, `JobStop` keeps.
 *
 * What it keeps: how a job ends is settled once; what comes after that changes nothing, and is told so.
 */
import type { Attempt } from './attempt.ts'
import type { CoordinatorOptions } from './coordinator-ports.ts'
import type { JobFacts } from './job-facts.ts'
import type { EndState, JobStop, StopRequest, UnfinishedState } from './job-stop.ts'
import type { JobMoment } from './snapshot-refusal.ts'
import type { CompletedSnapshot, SnapshotAnswer, SnapshotRequest } from './snapshot-request.ts'

/** The job that is to end. */
export interface EndingJob {
  /** The present one. */
  attempt(): Attempt
  request(request: SnapshotRequest): void
  /** Nothing waits for the next attempt any more. */
  wake(): void
}

export class JobEnding {
  readonly #options: CoordinatorOptions
  readonly #facts: JobFacts
  readonly #stop: JobStop
  readonly #job: EndingJob

  constructor(options: CoordinatorOptions, facts: JobFacts, stop: JobStop, job: EndingJob) {
    this.#options = options
    this.#facts = facts
    this.#stop = stop
    this.#job = job
  }

  get moment(): JobMoment {
    const { endState } = this.#stop
    return {
      state: this.#facts.state,
      isRunning: this.#job.attempt().isRunning,
      isCheckpointing: this.#options.config.isCheckpointing,
      ending:
        endState === undefined
          ? undefined
          : ({ CANCELED: 'cancel', SUSPENDED: 'suspend', FINISHED: 'stop' } as const)[endState],
    }
  }

  /**
   * Without draining: a last checkpoint, its output committed. Without checkpoints the tasks only close; when none runs there
   * is nothing to wait for. When all input has ended already, the job finishes as it would. What comes while a savepoint to
   * stop with is taken waits for that, and is done should it fail.
   */
  stop(endState: 'FINISHED' | UnfinishedState, savepointFolder: string | undefined): void {
    if (this.#stop.settledAs !== undefined) return
    if (this.#stop.endState === undefined) {
      this.#stopAs(endState, savepointFolder)
      return
    }
    if (endState !== 'FINISHED') this.#stop.add(endState)
    if (!this.#job.attempt().hasAllEnded) this.#tellCancelling()
  }

  /** The folder is new, and whether the job can be stopped now has been looked at. */
  stopWithSavepoint(savepointFolder: string, drain: boolean): Promise<CompletedSnapshot> {
    const waiting = Promise.withResolvers<CompletedSnapshot>()
    this.#begin({ endState: 'FINISHED', waiting }, savepointFolder, drain)
    return waiting.promise
  }

  /** At once. Returns `undefined`, or, where it comes too late, what the job ends as. */
  cancel(endState: UnfinishedState): EndState | undefined {
    this.#job.attempt().hurry()
    const { settledAs } = this.#stop
    if (settledAs === undefined) this.#cancel(true, endState)
    return settledAs
  }

  #stopAs(endState: 'FINISHED' | UnfinishedState, savepointFolder: string | undefined): void {
    const { isRunning, hasAllEnded } = this.#job.attempt()
    if (!isRunning || !this.#options.config.isCheckpointing) {
      this.#cancel(!isRunning, endState === 'FINISHED' ? 'CANCELED' : endState)
    } else if (savepointFolder === undefined && hasAllEnded) {
      // Should its final checkpoint fail, it ends as it was asked to.
      if (endState !== 'FINISHED') this.#stop.add(endState)
      this.#tellFinishing()
    } else this.#begin({ endState }, savepointFolder, false)
  }

  #begin(stop: StopRequest, savepointFolder: string | undefined, drain: boolean): void {
    const { hasAllEnded, execution } = this.#job.attempt()
    this.#stop.begin(stop)
    // Then the final checkpoint is the last one, and the answer.
    if (hasAllEnded) this.#tellFinishing()
    else this.#tellCancelling()
    this.#job.request({
      snapshotKind: savepointFolder === undefined ? 'checkpoint' : 'savepoint',
      savepointFolder,
      thenStop: !hasAllEnded,
      drain: drain && !hasAllEnded,
      onAnswer: (answer) => this.#onAnswer(answer),
    })
    if (drain && !hasAllEnded) execution?.drain()
  }

  #onAnswer(answer: SnapshotAnswer): void {
    const { observer } = this.#options
    const attempt = this.#job.attempt()
    if (answer.kind === 'completed') {
      this.#stop.onTaken(answer.snapshot)
      return
    }
    const { error } = answer
    if (answer.kind === 'not-copied') {
      observer.onMessage('warning', `The job stops without its savepoint: ${error.message}`)
      // The sinks commit for good: there is no way back to a running job.
      this.#stop.giveUp(error)
      attempt.fail(error)
      return
    }
    // The end of the attempt says what becomes of the stop.
    if (!attempt.isRunning) return
    const { unfinishedState } = this.#stop
    if (unfinishedState !== undefined) {
      const lost = `The last checkpoint failed, so output since the one before is not committed: ${error.message}`
      observer.onMessage('warning', lost)
      this.#cancel(false, unfinishedState)
      return
    }
    this.#stop.giveUp(error)
    const { unfinishedState: next } = this.#stop
    const then = next === undefined ? 'goes on' : 'is ended, as was asked meanwhile'
    observer.onMessage('warning', `The savepoint failed, and the job ${then}: ${error.message}`)
    if (next !== undefined) this.#stopAs(next, undefined)
  }

  /** Also of a job that is being ended already: it may become a cancellation. */
  #cancel(isAtOnce: boolean, endState: UnfinishedState): void {
    this.#stop.cancel(endState)
    this.#tellCancelling()
    this.#job.wake()
    this.#job.attempt().endWith({ kind: 'canceled', isAtOnce })
  }

  #tellCancelling(): void {
    if (this.#stop.endState === 'CANCELED') this.#facts.enter('CANCELLING', this.#options.clock.now())
  }

  #tellFinishing(): void {
    this.#options.observer.onMessage('info', 'All input has ended: the job finishes with its final checkpoint.')
  }
}
