/**
 * The hash of arrays and objects: that of their canonical bytes (`key-encoding.ts`), which are not made for it. What the
 * bytes would be goes into the hash block by block.
 */
import type { NumbersAt } from '../codec/numbers-at.ts'
import { shapeOfKeys } from '../codec/object-shape.ts'
import {
  KEY_ARRAY,
  KEY_FALSE,
  KEY_FLOAT64,
  KEY_INT32,
  KEY_NULL,
  KEY_OBJECT,
  KEY_STRING_LATIN1,
  KEY_STRING_UTF16,
  KEY_TRUE,
} from './key-encoding.ts'
import { finish, mix, mixTail } from './murmur3.ts'

/** Deeper ones are left to the encoding, which knows where to stop. */
const DEPTH_MAX = 8

const float64 = new Float64Array(1)
const float64Words = new Int32Array(float64.buffer)

/** What has been hashed, and the bytes that do not fill a block yet. One for all: hashing calls no user code but getters. */
let hash = 0
let tail = 0
let tailBits = 0
let lengthBytes = 0

/** `undefined` for what is no key, and for keys that need their bytes: large integers in them, or very deep ones. */
export function hashComposite(key: object): number | undefined {
  begin(Array.isArray(key) ? KEY_ARRAY : KEY_OBJECT)
  return addBody(key, 1) ? finish(mixTail(hash, tail), lengthBytes) : undefined
}

/** The same of an array of these numbers, of which none is NaN. */
export function hashNumbers({ numbers, start, count }: NumbersAt): number {
  begin(KEY_ARRAY)
  addVarint(count)
  for (let i = start; i < start + count; i++) addNumber(numbers[i] as number)
  return finish(mixTail(hash, tail), lengthBytes)
}

function begin(tag: number): void {
  hash = tag
  tail = 0
  tailBits = 0
  lengthBytes = 0
}

/** All of a composite key but its tag. */
function addBody(key: object, depth: number): boolean {
  if (Array.isArray(key)) {
    // Asked for first: V8 then knows the kinds of arrays that come, and the question for the prototype costs nothing.
    const { length } = key
    if (Object.getPrototypeOf(key) !== Array.prototype) return false
    addVarint(length)
    for (let i = 0; i < length; i++) if (!addKey(key[i], depth)) return false
    return true
  }
  const prototype: object | null = Object.getPrototypeOf(key)
  if (prototype !== Object.prototype && prototype !== null) return false
  const names = shapeOfKeys(Object.keys(key), prototype === null)?.canonicalKeys
  if (names === undefined) return false
  addVarint(names.length)
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    addString(name)
    if (!addKey((key as Record<string, unknown>)[name], depth)) return false
  }
  return true
}

function addKey(key: unknown, depth: number): boolean {
  switch (typeof key) {
    case 'number':
      if (Number.isNaN(key)) return false
      addNumber(key)
      return true
    case 'string':
      addString(key)
      return true
    case 'boolean':
      addByte(key ? KEY_TRUE : KEY_FALSE)
      return true
    case 'object':
      if (key === null) {
        addByte(KEY_NULL)
        return true
      }
      if (depth === DEPTH_MAX) return false
      addByte(Array.isArray(key) ? KEY_ARRAY : KEY_OBJECT)
      return addBody(key, depth + 1)
    default:
      return false
  }
}

function addNumber(key: number): void {
  if (key === (key | 0)) {
    addByte(KEY_INT32)
    addBlock(key | 0)
    return
  }
  float64[0] = key
  addByte(KEY_FLOAT64)
  addBlock(float64Words[0] as number)
  addBlock(float64Words[1] as number)
}

function addString(text: string): void {
  const length = text.length
  let units = 0
  for (let i = 0; i < length; i++) units |= text.charCodeAt(i)
  if (units > 0xff) {
    addByte(KEY_STRING_UTF16)
    addVarint(length)
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      addByte(unit & 0xff)
      addByte(unit >>> 8)
    }
    return
  }
  addByte(KEY_STRING_LATIN1)
  addVarint(length)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    addBlock(
      text.charCodeAt(i) |
        (text.charCodeAt(i + 1) << 8) |
        (text.charCodeAt(i + 2) << 16) |
        (text.charCodeAt(i + 3) << 24),
    )
  }
  for (; i < length; i++) addByte(text.charCodeAt(i))
}

function addVarint(value: number): void {
  let rest = value
  while (rest > 0x7f) {
    addByte((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  addByte(rest)
}

function addByte(byte: number): void {
  lengthBytes++
  tail |= byte << tailBits
  tailBits += 8
  if (tailBits < 32) return
  hash = mix(hash, tail)
  tail = 0
  tailBits = 0
}

/** Four bytes, little-endian. */
function addBlock(block: number): void {
  lengthBytes += 4
  if (tailBits === 0) {
    hash = mix(hash, block)
    return
  }
  hash = mix(hash, tail | (block << tailBits))
  tail = block >>> (32 - tailBits)
}
