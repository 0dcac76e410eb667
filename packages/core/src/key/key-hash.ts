/**
 * The 32-bit hash of a key. It decides which key group, and so which subtask and segment, a key belongs to: it must
 * never change and never depend on the host.
 *
 * It is MurmurHash3 (x86, 32 bit) over the data of the key's canonical encoding (`key-encoding.ts`), with the tag as
 * the seed. The data of a string are its units without their count; of every other key, all bytes after the tag.
 * Most keys are hashed without being encoded, with the same result.
 */
import { ByteReader } from '../codec/byte-reader.ts'
import { ByteWriter } from '../codec/byte-writer.ts'
import { hashComposite } from './composite-hash.ts'
import {
  KEY_FALSE,
  KEY_FLOAT64,
  KEY_INT32,
  KEY_NULL,
  KEY_STRING_LATIN1,
  KEY_STRING_UTF16,
  KEY_TRUE,
  refuseKey,
  writeKey,
} from './key-encoding.ts'
import { finish, mix, mixTail } from './murmur3.ts'

const scratch = new ByteWriter(256)
const float64 = new Float64Array(1)
const float64Words = new DataView(float64.buffer)

/** The hash of a key as a signed 32-bit integer. Throws `KEY_INVALID` for what is no key. */
export function hashKey(key: unknown): number {
  switch (typeof key) {
    case 'string':
      return hashString(key)
    case 'number':
      return hashNumber(key)
    case 'boolean':
      return finish(key ? KEY_TRUE : KEY_FALSE, 0)
    case 'object': {
      if (key === null) return finish(KEY_NULL, 0)
      const hash = hashComposite(key)
      if (hash !== undefined) return hash
    }
  }
  scratch.reset()
  writeKey(scratch, key)
  return hashBytes(scratch.bytes, 1, scratch.position, scratch.bytes[0] as number)
}

/** The same from canonical bytes, as `encodeKey` makes them. */
export function hashEncodedKey(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes, 'key')
  const tag = reader.u8()
  if (tag === KEY_STRING_LATIN1 || tag === KEY_STRING_UTF16) reader.varint()
  return hashBytes(bytes, reader.position, bytes.length, tag)
}

function hashNumber(key: number): number {
  // −0 is an integer here: it equals 0.
  if (key === (key | 0)) return finish(mix(KEY_INT32, key | 0), 4)
  if (Number.isNaN(key)) refuseKey(key)
  float64Words.setFloat64(0, key, true)
  return finish(mix(mix(KEY_FLOAT64, float64Words.getInt32(0, true)), float64Words.getInt32(4, true)), 8)
}

function hashString(key: string): number {
  const length = key.length
  const blocksEnd = length & ~3
  let hash = KEY_STRING_LATIN1
  let i = 0
  for (; i < blocksEnd; i += 4) {
    const a = key.charCodeAt(i)
    const b = key.charCodeAt(i + 1)
    const c = key.charCodeAt(i + 2)
    const d = key.charCodeAt(i + 3)
    if ((a | b | c | d) > 0xff) return hashUtf16(key)
    hash = mix(hash, a | (b << 8) | (c << 16) | (d << 24))
  }
  let tail = 0
  for (let shift = 0; i < length; i++, shift += 8) {
    const unit = key.charCodeAt(i)
    if (unit > 0xff) return hashUtf16(key)
    tail |= unit << shift
  }
  if (length !== blocksEnd) hash = mixTail(hash, tail)
  return finish(hash, length)
}

function hashUtf16(key: string): number {
  const length = key.length
  const blocksEnd = length & ~1
  let hash = KEY_STRING_UTF16
  for (let i = 0; i < blocksEnd; i += 2) hash = mix(hash, key.charCodeAt(i) | (key.charCodeAt(i + 1) << 16))
  if (length !== blocksEnd) hash = mixTail(hash, key.charCodeAt(length - 1))
  return finish(hash, length * 2)
}

function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed
  let at = start
  for (; at + 4 <= end; at += 4) {
    const block =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    hash = mix(hash, block)
  }
  let tail = 0
  for (let shift = 0; at < end; at++, shift += 8) tail |= (bytes[at] as number) << shift
  // A tail of zeros changes nothing, so an absent one needs no case of its own.
  return finish(mixTail(hash, tail), end - start)
}
