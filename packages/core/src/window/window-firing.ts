/** The firing of one window: a resumable walk over its keys. */
import type { NamespaceCursor } from '../state/state-backend.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'

export interface WindowFiring {
  readonly windowEnd: number
  /** Moves one bounded step on; false at the end. */
  next(): boolean
  /** The key that the walk is at. */
  readonly key: unknown
  readonly keyGroup: number
  /** The accumulator of this key over the window, or `undefined` when this step brought no result. May change the current key. */
  accumulator(): Accumulator | undefined
}

/** Of a window that shares nothing with others, so that it is one namespace. */
export class SeparateFiring implements WindowFiring {
  readonly windowEnd: number
  readonly #cursor: NamespaceCursor<Accumulator> | undefined

  constructor(contents: WindowContents, windowEnd: number) {
    this.windowEnd = windowEnd
    const [namespace] = contents.namespacesOf(windowEnd)
    this.#cursor = namespace === undefined ? undefined : contents.cursor(namespace)
  }

  get key(): unknown {
    return this.#cursor?.key
  }

  get keyGroup(): number {
    return this.#cursor?.keyGroup ?? -1
  }

  next(): boolean {
    return this.#cursor?.next() ?? false
  }

  accumulator(): Accumulator | undefined {
    return this.#cursor?.value
  }
}
