/**
 * The hashes of the keys of many records. The loop is generated for each selector, so that V8 inlines the selector,
 * which it does where a call has one target only.
 */
import type { KeySelector } from '@millrace/api'
import { hashKey } from './key-hash.ts'
import { compileKeySelector } from './key-selector.ts'

/**
 * Appends the hash of each record's key. What a selector throws, or `KEY_INVALID`, comes through as it is; then `hashes`
 * has those of the records before.
 */
export function compileKeyHashes(selector: KeySelector): (records: readonly unknown[], hashes: number[]) => void {
  const code = `return function keyHashes(records, hashes) {
  for (let i = 0; i < records.length; i++) hashes.push(hashKey(keyOf(records[i])))
}
//# sourceURL=millrace:key-hashes`
  return new Function('keyOf', 'hashKey', code)(compileKeySelector(selector), hashKey)
}
