/**
 * What a sink prepared and what is not known to be committed, by the checkpoint that prepared it. Commits run one after
 * the other, oldest first; what an aborted checkpoint prepared waits here for the next complete one.
 */
import { MillraceError, type PlainValue, type SinkCommitter } from '@millrace/api'

interface Pending {
  readonly checkpointId: number
  readonly committables: readonly PlainValue[]
}

export class PendingCommits {
  readonly #committer: SinkCommitter | undefined
  readonly #sinkName: string
  readonly #onCommitted: (checkpointId: number) => void
  readonly #onFailed: (error: unknown) => void
  #pending: Pending[] = []
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(
    committer: SinkCommitter | undefined,
    sinkName: string,
    onCommitted: (checkpointId: number) => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#committer = committer
    this.#sinkName = sinkName
    this.#onCommitted = onCommitted
    this.#onFailed = onFailed
  }

  add(checkpointId: number, committables: readonly PlainValue[]): void {
    if (committables.length > 0) this.#pending.push({ checkpointId, committables })
  }

  /** What checkpoint `checkpointId` has to carry: not what a later one has prepared before this one was stored. */
  upTo(checkpointId: number): readonly PlainValue[] {
    return this.#pending.filter((each) => each.checkpointId <= checkpointId).flatMap(({ committables }) => committables)
  }

  /** Checkpoint `checkpointId` is complete: commits everything prepared up to it. */
  commitUpTo(checkpointId: number): void {
    this.#running = this.#running.then(() => this.#commit(checkpointId))
  }

  /** Waits for a commit under way and closes the committer. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#running
    await this.#committer?.close()
  }

  async #commit(checkpointId: number): Promise<void> {
    if (this.#isClosed) return
    const due = this.#pending.filter((pending) => pending.checkpointId <= checkpointId)
    try {
      if (due.length > 0) await this.#committer?.commit(due.flatMap(({ committables }) => committables))
    } catch (cause) {
      this.#onFailed(this.#failure(cause, checkpointId))
      return
    }
    // New ones may have come meanwhile; only what was committed goes.
    this.#pending = this.#pending.filter((pending) => !due.includes(pending))
    this.#onCommitted(checkpointId)
  }

  #failure(cause: unknown, checkpointId: number): unknown {
    if (cause instanceof MillraceError) return cause
    const message = cause instanceof Error ? cause.message : String(cause)
    return new MillraceError(
      'SINK_COMMIT_FAILED',
      `The sink "${this.#sinkName}" could not commit checkpoint ${checkpointId}: ${message}`,
      {
        details: { operator: this.#sinkName, checkpoint: checkpointId },
        cause,
      },
    )
  }
}
