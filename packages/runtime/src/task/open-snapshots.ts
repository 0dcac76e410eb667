/**
 * The snapshots of one task that are not complete yet: gives their encoding its share of the task's time, and removes what was
 * stored for those that nobody wants any more.
 */
import type { CheckpointId } from '@millrace/core'
import type { TaskSnapshot } from './task-snapshot.ts'

/** What encoding gets for each ms that has passed since its last slice: about a fifth of the time, however long turns are. */
const ENCODE_MS_PER_MS = 0.25
const ENCODE_SLICE_MS_MIN = 1
/** Short enough not to be felt. */
const ENCODE_SLICE_MS_MAX = 10

export class OpenSnapshots {
  readonly #monotonicMs: () => number
  readonly #snapshots = new Map<CheckpointId, TaskSnapshot>()
  /** When one was last given time. */
  #encodedAtMs = 0
  /** What was written for those that were given up is being removed. */
  #discarding: Promise<void> = Promise.resolve()

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  add(id: CheckpointId, snapshot: TaskSnapshot): void {
    this.#snapshots.set(id, snapshot)
    this.#encodedAtMs = this.#monotonicMs()
  }

  /** A slice for what can be encoded now. */
  encode(): void {
    if (!this.isEncoding) return
    const passedMs = this.#monotonicMs() - this.#encodedAtMs
    const sliceMs = Math.min(ENCODE_SLICE_MS_MAX, Math.max(ENCODE_SLICE_MS_MIN, passedMs * ENCODE_MS_PER_MS))
    for (const snapshot of this.#snapshots.values()) snapshot.encode(sliceMs)
    this.#encodedAtMs = this.#monotonicMs()
  }

  /** Time for encoding is of use now. */
  get isEncoding(): boolean {
    for (const snapshot of this.#snapshots.values()) if (snapshot.canEncode) return true
    return false
  }

  /** One of them is not encoded yet, whether or not it can be now. */
  get isViewOpen(): boolean {
    for (const snapshot of this.#snapshots.values()) if (!snapshot.isEncoded) return true
    return false
  }

  /** State must not change before something is written. */
  get isOverdrawn(): boolean {
    for (const snapshot of this.#snapshots.values()) if (snapshot.isOverdrawn) return true
    return false
  }

  get ids(): readonly CheckpointId[] {
    return [...this.#snapshots.keys()]
  }

  /** It is complete. */
  remove(id: CheckpointId): void {
    this.#snapshots.delete(id)
  }

  giveUp(id: CheckpointId): void {
    const discarded = this.#snapshots.get(id)?.giveUp()
    this.#snapshots.delete(id)
    this.#discarding = this.#discarding.then(() => discarded)
  }

  /** Resolves when what was stored for those that were given up is removed. */
  get discarded(): Promise<void> {
    return this.#discarding
  }
}
