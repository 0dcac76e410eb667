/**
 * The doorbell of a slot: how other threads end its sleep without a message to its event loop. One word of shared
 * memory counts the rings, a second says whether the slot sleeps. Ringing costs one atomic addition, and a system call
 * only when the slot has announced its sleep. The slot waits by `Atomics.waitAsync`, never `Atomics.wait`, so its timers
 * and I/O go on.
 *
 * No wake-up is lost. The slot reads the count (`look`) *before* it searches its tasks for work, and passes it to
 * `sleep`. Who rings first makes visible what there is to do, then adds to the count, then looks whether the slot sleeps.
 * - Added before `look`: the search comes after and finds the work.
 * - Added after `look`: `sleep` announces, then compares the count and does not sleep when it has moved. When it has not,
 *   the addition comes after the announcement, so the ringer sees the announcement and notifies. Between comparison
 *   and `waitAsync` nothing can slip in either: `waitAsync` compares the count itself, in one step with joining the
 *   queue of waiters.
 * Only the slot takes its announcement back. A ringer that did (so that the next one saves its notification) could do so
 * for a ring that the slot has long seen, between the announcement and `waitAsync`: its notification would find nobody,
 * the slot would sleep unannounced, and the next ring would not notify. Found by `ring.test.ts`, once in ten runs.
 *
 * At most one `waitAsync` is outstanding. It cannot be taken back, so when something else ends the sleep (`wake` on the
 * slot's own thread: a timer, a message, finished I/O) it stays and the next sleep uses it. It may then have been
 * notified already for an older ring, which makes that sleep end at once, for nothing: harmless. It is armed again only
 * after it fired.
 *
 * An outstanding `waitAsync` does not keep a thread alive: a worker with nothing else pending exits. The slot therefore
 * keeps a referenced `MessagePort` (its control port) for as long as it lives.
 */
import type { WakeUp } from './wake-up.ts'

/** Each word has its own cache line, and so has each doorbell. */
export const DOORBELL_BYTES = 128
const WORD_RINGS = 0
const WORD_SLEEPS = 16

/** Memory for one doorbell. */
export function createDoorbell(): SharedArrayBuffer {
  return new SharedArrayBuffer(DOORBELL_BYTES)
}

/** The button: for every thread that gives the slot something to do. */
export class DoorbellRinger implements WakeUp {
  readonly #words: Int32Array

  constructor(memory: ArrayBufferLike) {
    this.#words = new Int32Array(memory)
  }

  wake(): void {
    Atomics.add(this.#words, WORD_RINGS, 1)
    if (Atomics.load(this.#words, WORD_SLEEPS) !== 0) Atomics.notify(this.#words, WORD_RINGS)
  }
}

/** The bell: for the slot that owns it, one per doorbell. Its memory is shared memory. */
export class Doorbell implements WakeUp {
  readonly #words: Int32Array
  #isArmed = false
  #endSleep: (() => void) | undefined

  constructor(memory: ArrayBufferLike) {
    this.#words = new Int32Array(memory)
  }

  /** The count of rings, to be read before the search for work and given to `sleep` when nothing was found. */
  look(): number {
    return Atomics.load(this.#words, WORD_RINGS)
  }

  /**
   * Resolves at the next ring since `look`, or at `wake`; at once when it has already rung. It may also resolve for
   * nothing. One sleep at a time.
   */
  sleep(looked: number): Promise<void> {
    Atomics.store(this.#words, WORD_SLEEPS, 1)
    if (Atomics.load(this.#words, WORD_RINGS) !== looked || !this.#arm(looked)) {
      Atomics.store(this.#words, WORD_SLEEPS, 0)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#endSleep = resolve
    })
  }

  /** As a ring, from the slot's own thread: ends the sleep, or the one that a search in progress would lead to. */
  wake(): void {
    Atomics.add(this.#words, WORD_RINGS, 1)
    this.#end()
  }

  #end(): void {
    const endSleep = this.#endSleep
    if (endSleep === undefined) return
    this.#endSleep = undefined
    Atomics.store(this.#words, WORD_SLEEPS, 0)
    endSleep()
  }

  /** Makes sure that a wait is outstanding; false when a ring came in between. */
  #arm(looked: number): boolean {
    if (this.#isArmed) return true
    const wait = Atomics.waitAsync(this.#words, WORD_RINGS, looked)
    if (!wait.async) return false
    this.#isArmed = true
    void wait.value.then(() => {
      this.#isArmed = false
      this.#end()
    })
    return true
  }
}
