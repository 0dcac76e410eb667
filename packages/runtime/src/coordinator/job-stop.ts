/**
 * How a job is ended before its input: a stop with a last checkpoint, or with a savepoint. Keeps what was asked
 * for and what came of it, across the failure of an attempt, and answers who asked.
 *
 * Invariant: a job whose savepoint to stop with exists processes no further record: when its attempt fails before the
 * output is committed, the next one commits and ends.
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

export class JobStop {
  #request: StopRequest | undefined
  #snapshot: CompletedSnapshot | undefined

  /** What the job is being ended for. */
  get endState(): 'FINISHED' | UnfinishedState | undefined {
    return this.#request?.endState
  }

  /** The same, of a stop without a savepoint. */
  get unfinishedState(): UnfinishedState | undefined {
    const { endState } = this
    return endState === 'FINISHED' ? undefined : endState
  }

  /** The savepoint that the job stops with, once it exists. */
  get savepoint(): CompletedSnapshot | undefined {
    return this.#snapshot
  }

  begin(request: StopRequest): void {
    this.#request = request
  }

  onTaken(snapshot: CompletedSnapshot): void {
    if (this.#request?.endState === 'FINISHED') this.#snapshot = snapshot
  }

  /** An attempt that starts from here has nothing to do but to commit. */
  endsWith(checkpointId: CheckpointId): boolean {
    return this.#snapshot?.checkpointId === checkpointId
  }

  /** The job goes on, or ends otherwise. */
  giveUp(error: MillraceError): void {
    this.#request?.waiting?.reject(error)
    this.#request = undefined
    this.#snapshot = undefined
  }

  onJobEnded(state: 'FINISHED' | 'FAILED' | UnfinishedState, error: ErrorData | undefined): void {
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
