/**
 * The firing of one window: a resumable walk over its distinct keys. A key that is in several slices is met in the
 * first of them, so no set of keys is needed.
 */
import type { KeyedStateBackend, NamespaceCursor } from '../state/state-backend.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'

export class WindowFiring {
  readonly windowEnd: number
  readonly #state: KeyedStateBackend
  readonly #contents: WindowContents
  readonly #namespaces: readonly number[]
  #index = -1
  #cursor: NamespaceCursor<Accumulator> | undefined

  constructor(state: KeyedStateBackend, contents: WindowContents, windowEnd: number) {
    this.#state = state
    this.#contents = contents
    this.windowEnd = windowEnd
    this.#namespaces = contents.namespacesOf(windowEnd)
  }

  /** Moves to the next entry and makes its key current; false at the end. */
  next(): boolean {
    while (this.#cursor === undefined || !this.#cursor.next()) {
      const namespace = this.#namespaces[++this.#index]
      if (namespace === undefined) return false
      this.#cursor = this.#contents.cursor(namespace)
    }
    this.#state.setCurrentKey(this.#cursor.key, this.#cursor.keyGroup)
    return true
  }

  /** The merged accumulator of the current key, or `undefined` when the key was met before. */
  accumulator(): Accumulator | undefined {
    if (this.#namespaces.length === 1) return this.#cursor?.value
    if (this.#contents.isInFirst(this.#namespaces, this.#index)) return undefined
    return this.#contents.merged(this.#namespaces, this.#index)
  }
}
