/** From a record to the current key of the state backend. */
import type { KeySelector } from '@millrace/api'
import { keyGroupOf } from '../key/key-group.ts'
import { compileKeySelector } from '../key/key-selector.ts'
import type { KeyedStateBackend } from '../state/state-backend.ts'

export class RecordKey {
  readonly #keyOf: (record: unknown) => unknown
  readonly #state: KeyedStateBackend

  constructor(selector: KeySelector, state: KeyedStateBackend) {
    this.#keyOf = compileKeySelector(selector).keyOf
    this.#state = state
  }

  /**
   * Makes the record's key current and returns its key group: `keyGroups[index]` where the batch brings them. Throws
   * `KEY_INVALID`, or what the user's selector throws.
   */
  select(record: unknown, keyGroups: readonly number[] | undefined, index: number): number {
    return this.choose(this.#keyOf(record), keyGroups, index)
  }

  /** The same of a key. */
  choose(key: unknown, keyGroups: readonly number[] | undefined, index: number): number {
    const keyGroup =
      keyGroups === undefined ? keyGroupOf(key, this.#state.maxParallelism) : (keyGroups[index] as number)
    this.#state.setCurrentKey(key, keyGroup)
    return keyGroup
  }
}
