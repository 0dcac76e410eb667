/** Hashes by which tables of every backend know their keys. */
import { hashKey } from '@millrace/core'

/** Odd, so that different groups stay different. */
const NULL_MIX = 0x27d4eb2f

/**
 * The hash by which a table knows a key. That of the key says which key group it is of, except for `null`, under which the
 * engine's own tables have an entry in each group: there the group is the hash.
 */
export function hashEntryKey(key: unknown, keyGroup: number): number {
  return key === null ? Math.imul(keyGroup + 1, NULL_MIX) : hashKey(key)
}
