/** What was taken out of one channel and is not worked off: first in, first out, however much it is. */
import type { InFlightElement } from '@millrace/core'

export interface KeptElement {
  readonly element: InFlightElement
  /** As the channel counts them. */
  readonly bytes: number
  /** The task was given it before, and put it back. */
  readonly isRepeated?: boolean
}

/** So many taken elements may stand before the first that is left: cutting off one at a time would move all others. */
const TAKEN_MIN = 1_024

export class KeptElements {
  #queue: (KeptElement | undefined)[] = []
  #head = 0

  get isEmpty(): boolean {
    return this.#head === this.#queue.length
  }

  add(kept: KeptElement): void {
    this.#queue.push(kept)
  }

  /** Before all others. */
  putBack(kept: KeptElement): void {
    if (this.#head === 0) this.#queue.unshift(kept)
    else this.#queue[--this.#head] = kept
  }

  /** The oldest, or `undefined`. */
  take(): KeptElement | undefined {
    const kept = this.#queue[this.#head]
    if (kept === undefined) return undefined
    this.#queue[this.#head++] = undefined
    if (this.isEmpty) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head >= TAKEN_MIN && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return kept
  }

  /** All that is left, oldest first. */
  *elements(): Generator<InFlightElement> {
    for (let at = this.#head; at < this.#queue.length; at++) yield (this.#queue[at] as KeptElement).element
  }
}
