/**
 * How a job is ended before its input: a stop with a last checkpoint, or with a savepoint. Keeps what was asked
 * for and what came of it, across the failure of an attempt, and answers who asked.
 *
 * Invariants: a job whose savepoint to stop with exists processes no further record: when its attempt fails before the
 * output is committed, the next one commits and ends. And no wish to end the job is forgotten: what comes during a stop with
 * a savepoint, or before a final checkpoint, is what the job is ended for when that fails.
 */
import { type ErrorData, MillraceError } from '@millrace/api'
import type { CheckpointId } from '@millrace/core'
import type { CompletedSnapshot } from './snapshot-request.ts'

export interface StopRequest {
  /** The state that the job ends in: FINISHED with a savepoint, one of the others with a checkpoint. */
  readonly endState: 'FINISHED' | UnfinishedState
  /** Who waits for the end. */
  readonly waiting?: PromiseWithResolvers<CompletedSnapshot> | undefined
}

/**
 * CANCELED: its user ends the job. SUSPENDED: only its process ends, and the next one is to go on, so that checkpoints stay
 * whatever retention says of cancelled jobs.
 */
export type UnfinishedState = 'CANCELED' | 'SUSPENDED'

/** Every way in which a job ends. */
export type EndState = 'FINISHED' | 'FAILED' | UnfinishedState

/** Of two that were asked for: a cancellation is the more explicit one, whichever came first. */
export function strongerEnd(one: UnfinishedState | undefined, other: UnfinishedState): UnfinishedState {
  return one === 'CANCELED' ? one : other
}

export class JobStop {
  #request: StopRequest | undefined
  #snapshot: CompletedSnapshot | undefined
  /** Asked for during a stop with a savepoint, or when the job finishes anyway: what it ends as should that fail. */
  #otherwise: UnfinishedState | undefined
  /** What the job ends as, once it is ended at once. */
  #canceledAs: UnfinishedState | undefined
  #settledAs: EndState | undefined

  /** What the job is being ended for. */
  get endState(): 'FINISHED' | UnfinishedState | undefined {
    return this.#canceledAs ?? this.#request?.endState ?? this.#otherwise
  }

  /** The same, without a savepoint. */
  get unfinishedState(): UnfinishedState | undefined {
    const { endState } = this
    return endState === 'FINISHED' ? undefined : endState
  }

  /** It is ended at once. */
  get isCanceled(): boolean {
    return this.#canceledAs !== undefined
  }

  /** What the job ends as, whatever is asked from now on. */
  get settledAs(): EndState | undefined {
    return this.#settledAs
  }

  /** The savepoint that the job stops with, once it exists. */
  get savepoint(): CompletedSnapshot | undefined {
    return this.#snapshot
  }

  begin(request: StopRequest): void {
    this.#request = request
    this.#otherwise = undefined
  }

  /** A job that is being ended already, or finishes, is asked to end. */
  add(endState: UnfinishedState): void {
    const request = this.#request
    if (this.#canceledAs !== undefined) this.#canceledAs = strongerEnd(this.#canceledAs, endState)
    else if (request === undefined || request.endState === 'FINISHED')
      this.#otherwise = strongerEnd(this.#otherwise, endState)
    else this.#request = { ...request, endState: strongerEnd(request.endState, endState) }
  }

  /** The job ends at once, as what it was asked for most explicitly. */
  cancel(endState: UnfinishedState): void {
    const { unfinishedState = this.#otherwise } = this
    this.#canceledAs = strongerEnd(unfinishedState, endState)
  }

  settle(state: EndState): void {
    this.#settledAs ??= state
  }

  onTaken(snapshot: CompletedSnapshot): void {
    if (this.#request?.endState === 'FINISHED') this.#snapshot = snapshot
  }

  /** An attempt that starts from here has nothing to do but to commit. */
  endsWith(checkpointId: CheckpointId): boolean {
    return this.#snapshot?.checkpointId === checkpointId
  }

  /** The job goes on, or is ended for what `endState` says from then on. */
  giveUp(error: MillraceError): void {
    this.#request?.waiting?.reject(error)
    this.#request = undefined
    this.#snapshot = undefined
  }

  onJobEnded(state: EndState, error: ErrorData | undefined): void {
    const waiting = this.#request?.waiting
    const snapshot = this.#snapshot
    if (waiting === undefined) return
    if (state === 'FINISHED' && snapshot !== undefined) {
      waiting.resolve(snapshot)
      return
    }
    const because = error === undefined ? '' : `: ${error.message}`
    if (snapshot === undefined) {
      const message = `The job ended, ${state}, before its savepoint was taken${because}`
      waiting.reject(new MillraceError('SAVEPOINT_FAILED', message, { details: { state } }))
      return
    }
    waiting.reject(
      new MillraceError(
        'SAVEPOINT_FAILED',
        `The savepoint ${snapshot.externalPath} is whole, but the job did not finish with it: it is ${state}${because}`,
        {
          details: { state, savepoint: snapshot.externalPath },
          hint: 'Restore it with -s: what it has prepared is committed then.',
        },
      ),
    )
  }
}
