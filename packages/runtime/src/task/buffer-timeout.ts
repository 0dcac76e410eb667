/**
 * When what waits in the outputs of a task leaves though it could grow: batches of records after the buffer timeout, partial results
 * after that or `PARTIALS_TIMEOUT_MS`, whichever is longer. Of partial results nobody sees whether they come early: windows fire by
 * watermarks, before which leaves what they need. But the sooner they leave, the fewer records each of them stands for (decision 0073).
 */
import type { EdgeWriter } from './edge-writer.ts'

export const PARTIALS_TIMEOUT_MS = 100

type WaitingOutput = Pick<EdgeWriter, 'hasOpenBatch' | 'flush' | 'holdsPartials' | 'flushPartials'>

export class BufferTimeout {
  readonly #edges: readonly WaitingOutput[]
  readonly #timeoutMs: number
  readonly #partialsTimeoutMs: number
  /** Since when something has waited, as far as it was looked at; `undefined` while nothing does. */
  #openSinceMs: number | undefined
  #heldSinceMs: number | undefined

  /** `timeoutMs`: below 0 nothing leaves by time. */
  constructor(edges: readonly WaitingOutput[], timeoutMs: number) {
    this.#edges = edges
    this.#timeoutMs = timeoutMs
    this.#partialsTimeoutMs = Math.max(timeoutMs, PARTIALS_TIMEOUT_MS)
  }

  /** Flushes what has waited for long enough. Times are of the monotonic clock. */
  step(nowMs: number): void {
    if (this.#timeoutMs < 0) return
    this.#openSinceMs = this.#edges.some((edge) => edge.hasOpenBatch) ? (this.#openSinceMs ?? nowMs) : undefined
    if (this.#openSinceMs !== undefined && nowMs - this.#openSinceMs >= this.#timeoutMs) {
      for (const edge of this.#edges) edge.flush()
      this.#openSinceMs = undefined
    }
    this.#heldSinceMs = this.#edges.some((edge) => edge.holdsPartials) ? (this.#heldSinceMs ?? nowMs) : undefined
    if (this.#heldSinceMs !== undefined && nowMs - this.#heldSinceMs >= this.#partialsTimeoutMs) {
      for (const edge of this.#edges) edge.flushPartials()
      this.#heldSinceMs = undefined
    }
  }

  /** When `step` is due next, by the monotonic clock. */
  get dueMs(): number | undefined {
    const openDueMs = this.#openSinceMs === undefined ? undefined : this.#openSinceMs + this.#timeoutMs
    const heldDueMs = this.#heldSinceMs === undefined ? undefined : this.#heldSinceMs + this.#partialsTimeoutMs
    if (openDueMs === undefined || heldDueMs === undefined) return openDueMs ?? heldDueMs
    return Math.min(openDueMs, heldDueMs)
  }
}
