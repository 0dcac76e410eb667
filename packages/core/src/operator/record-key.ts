/** From a record to the current key of the state backend: as a class, and as code for loops that are generated. */
import type { KeySelector } from '@millrace/api'
import { keyGroupOfHash } from '../key/key-group.ts'
import { hashKey } from '../key/key-hash.ts'
import { compileKeySelector } from '../key/key-selector.ts'
import type { KeyedStateBackend } from '../state/state-backend.ts'

/** So many keys are announced to the state backend at a time: what it fetches for them stays in the nearest caches. */
const EXPECTED_KEYS = 128

export class RecordKey {
  readonly #keyOf: (record: unknown) => unknown
  readonly #state: KeyedStateBackend

  constructor(selector: KeySelector, state: KeyedStateBackend) {
    this.#keyOf = compileKeySelector(selector)
    this.#state = state
  }

  /**
   * Makes the record's key current and returns its key group. The batch brings the hashes of keys where
   * it has crossed an exchange; its records are taken in order. Throws `KEY_INVALID`, or what the user's selector throws.
   */
  select(record: unknown, keyHashes: readonly number[] | undefined, index: number): number {
    return this.choose(this.#keyOf(record), keyHashes, index)
  }

  /** The same of a key. */
  choose(key: unknown, keyHashes: readonly number[] | undefined, index: number): number {
    const state = this.#state
    let hash: number
    if (keyHashes === undefined) {
      hash = hashKey(key)
    } else {
      hash = keyHashes[index] as number
      if (index % EXPECTED_KEYS === 0)
        state.expectKeys(keyHashes, index, Math.min(index + EXPECTED_KEYS, keyHashes.length))
    }
    const keyGroup = keyGroupOfHash(hash, state.maxParallelism)
    state.setCurrentKey(key, keyGroup, hash)
    return keyGroup
  }
}

/**
 * The same in a generated loop over `records` by `i`, in which `keyOf`, `hashKey`, `state` and `groups`, the maximal
 * parallelism, are known.
 */
export const CHOOSE_KEY = `const key = keyOf(record)
    let hash
    if (keyHashes === undefined) {
      hash = hashKey(key)
    } else {
      hash = keyHashes[i]
      if (i % ${EXPECTED_KEYS} === 0) state.expectKeys(keyHashes, i, Math.min(i + ${EXPECTED_KEYS}, keyHashes.length))
    }
    state.setCurrentKey(key, (hash >>> 0) % groups, hash)`
