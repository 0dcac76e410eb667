/**
 * Keys as keys of a JavaScript `Map`: two keys have the same map key exactly when their canonical encodings are equal.
 * Primitive keys stand for themselves, arrays and objects become a string that begins with a mark; a user's string
 * that begins with the mark is escaped, so the two never meet.
 */
import { ByteWriter } from '../codec/byte-writer.ts'
import { latin1At } from '../codec/string-codec.ts'
import { refuseKey, writeKey } from './key-encoding.ts'

export type MapKey = string | number | bigint | boolean | null

const MARK = '\u0000'
const COMPOSITE = `${MARK}k`
const ESCAPED = `${MARK}s`

const scratch = new ByteWriter(256)

/** The map key of a key. Throws `KEY_INVALID` for what is no key. */
export function toMapKey(key: unknown): MapKey {
  switch (typeof key) {
    case 'string':
      return key.charCodeAt(0) === 0 ? ESCAPED + key : key
    case 'number':
      if (Number.isNaN(key)) refuseKey(key)
      // −0 becomes 0.
      return key + 0
    case 'boolean':
    case 'bigint':
      return key
    case 'object':
      if (key === null) return null
      scratch.reset()
      writeKey(scratch, key)
      return COMPOSITE + latin1At(scratch.bytes, 0, scratch.position)
  }
  return refuseKey(key)
}
