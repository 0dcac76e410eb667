/**
 * When and how much of a backend's state is looked through for what has expired, so that keys that are never touched again leave
 * it: a bounded step now and then, between the steps of a task, also when no record comes. What is expired is the backend's affair.
 *
 * Cost: a step takes at most `STEP_UNITS`, and there is none within `STEP_EVERY_MS` of another, so that all of it is a few
 * hundredths of the slot's time while a walk goes on, and nothing when nothing has expired.
 */
import type { KeyedStateBackend } from './state-backend.ts'

/** A removal beside a look: it changes the index, the marks, and what an open snapshot has of the entry. */
export const REMOVAL_UNITS = 8
const STEP_UNITS = 16_384
const STEP_EVERY_MS = 10

export class ExpirySweep {
  readonly #backend: Pick<KeyedStateBackend, 'sweepExpired' | 'sweepDueMs'>
  /** The wall clock may be set back; this one is only asked how long ago something was. */
  #lastStepMs = Number.NEGATIVE_INFINITY

  constructor(backend: Pick<KeyedStateBackend, 'sweepExpired' | 'sweepDueMs'>) {
    this.#backend = backend
  }

  /**
   * A bounded step, if one is due. `monotonicMs` is of a clock that never goes back, `nowMs` of that of the state. True when nothing is
   * left to do after it.
   */
  step(nowMs: number, monotonicMs: number): boolean {
    if (monotonicMs - this.#lastStepMs < STEP_EVERY_MS) return false
    const dueMs = this.#backend.sweepDueMs()
    if (dueMs === undefined || dueMs > nowMs) return false
    this.#lastStepMs = monotonicMs
    return this.#backend.sweepExpired(STEP_UNITS)
  }

  /** When `step` has something to do again; epoch ms, `undefined` for never. */
  nextDueMs(nowMs: number): number | undefined {
    const dueMs = this.#backend.sweepDueMs()
    return dueMs === undefined ? undefined : Math.max(dueMs, nowMs + STEP_EVERY_MS)
  }
}
