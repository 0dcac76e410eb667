/**
 * The canonical bytes of a key: two keys are the same key exactly when their bytes are equal. The bytes are in state
 * segments, and hashes are made from them, so they never change.
 *
 * A key is a string, a finite or infinite number, a bigint, a boolean, null, or an array or plain object of these. The
 * order of properties does not matter and 0 equals −0. Everything else is `KEY_INVALID`: undefined (also as a property
 * or as a hole), NaN, and class instances, Date among them: its time in ms is a key.
 *
 * | Tag | Key | Followed by (the body) |
 * |---|---|---|
 * | 01, 02, 03 | null, false, true | – |
 * | 04 | number that is a 32-bit integer | the integer, 4 bytes |
 * | 05 | any other number | float64 |
 * | 06, 07 | bigint ≥ 0; bigint < 0 | varint count of bytes, the magnitude without leading zeros |
 * | 08 | string with all units below 256 | varint count of units, one byte each |
 * | 09 | any other string | varint count of units, two bytes each |
 * | 0a | array | varint count, the items as keys |
 * | 0b | object | varint count, then name and value of each property as keys, ascending by the names' units |
 *
 * All numbers are little-endian.
 */
import { MillraceError } from '@millrace/api'
import { readMagnitude, writeMagnitude } from '../codec/bigint-codec.ts'
import { ByteReader } from '../codec/byte-reader.ts'
import { ByteWriter } from '../codec/byte-writer.ts'
import { setOwn } from '../codec/object-shape.ts'
import { readLatin1, readUtf16, writeLatin1, writeUtf16 } from '../codec/string-codec.ts'

export const KEY_NULL = 0x01
export const KEY_FALSE = 0x02
export const KEY_TRUE = 0x03
export const KEY_INT32 = 0x04
export const KEY_FLOAT64 = 0x05
export const KEY_BIGINT = 0x06
export const KEY_BIGINT_NEGATIVE = 0x07
export const KEY_STRING_LATIN1 = 0x08
export const KEY_STRING_UTF16 = 0x09
export const KEY_ARRAY = 0x0a
export const KEY_OBJECT = 0x0b

const KEY_DEPTH_MAX = 32

/** The canonical bytes of a key. Throws `KEY_INVALID`. */
export function encodeKey(key: unknown): Uint8Array {
  const writer = new ByteWriter(32)
  writeKey(writer, key)
  return writer.toBytes()
}

/** The key with these bytes, properties in canonical order. Throws `BYTES_DAMAGED`. */
export function decodeKey(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes, 'key')
  const key = readKey(reader)
  reader.expectEnd()
  return key
}

/**
 * A copy of a key in the form that it has after a restore: properties in canonical order, −0 as 0. The same as decoding
 * its bytes, without making them (decision 0033). The key must be one.
 */
export function canonicalKey(key: unknown): unknown {
  if (typeof key === 'number') return key + 0
  if (typeof key !== 'object' || key === null) return key
  if (Array.isArray(key)) {
    // A slice has room for no more than what is in it, an array that grows for 17 items.
    const items: unknown[] = key.slice()
    for (let i = 0; i < items.length; i++) {
      const item = items[i]
      if (item === 0) items[i] = 0
      else if (typeof item === 'object' && item !== null) items[i] = canonicalKey(item)
    }
    return items
  }
  const object: Record<string, unknown> = {}
  for (const name of Object.keys(key).sort()) setOwn(object, name, canonicalKey((key as Record<string, unknown>)[name]))
  return object
}

/** Appends the canonical bytes of a key; they tell where they end. Throws `KEY_INVALID`; then nothing was written. */
export function writeKey(writer: ByteWriter, key: unknown): void {
  const start = writer.position
  try {
    write(writer, key, 'key', 0)
  } catch (error) {
    writer.truncate(start)
    throw error
  }
}

/** Reads a key that `writeKey` wrote. Throws `BYTES_DAMAGED`. */
export function readKey(reader: ByteReader): unknown {
  return read(reader, 0)
}

/** Throws `KEY_INVALID` with what the key is. */
export function refuseKey(key: unknown, path = 'key'): never {
  throw new MillraceError('KEY_INVALID', `The ${path} is ${describe(key)}, which cannot be a key.`, {
    details: { path },
    hint: hintFor(key),
  })
}

function write(writer: ByteWriter, key: unknown, path: string, depth: number): void {
  switch (typeof key) {
    case 'string':
      writeString(writer, key)
      break
    case 'number':
      if (Number.isNaN(key)) refuseKey(key, path)
      writeNumber(writer, key)
      break
    case 'boolean':
      writer.u8(key ? KEY_TRUE : KEY_FALSE)
      break
    case 'bigint':
      writer.u8(key < 0n ? KEY_BIGINT_NEGATIVE : KEY_BIGINT)
      writeMagnitude(writer, key < 0n ? -key : key)
      break
    case 'object':
      if (key === null) writer.u8(KEY_NULL)
      else writeComposite(writer, key, path, depth)
      break
    default:
      refuseKey(key, path)
  }
}

function writeNumber(writer: ByteWriter, key: number): void {
  if (key === (key | 0)) {
    writer.u8(KEY_INT32)
    writer.u32(key)
  } else {
    writer.u8(KEY_FLOAT64)
    writer.float64(key)
  }
}

function writeString(writer: ByteWriter, key: string): void {
  const start = writer.position
  writer.u8(KEY_STRING_LATIN1)
  writer.varint(key.length)
  if (writeLatin1(writer, key)) return
  writer.truncate(start)
  writer.u8(KEY_STRING_UTF16)
  writer.varint(key.length)
  writeUtf16(writer, key)
}

function writeComposite(writer: ByteWriter, key: object, path: string, depth: number): void {
  if (depth >= KEY_DEPTH_MAX) {
    throw new MillraceError('KEY_INVALID', `The ${path} is nested deeper than ${KEY_DEPTH_MAX} levels or in a circle.`)
  }
  const prototype: object | null = Object.getPrototypeOf(key)
  if (Array.isArray(key) && prototype === Array.prototype) {
    writer.u8(KEY_ARRAY)
    writer.varint(key.length)
    for (let i = 0; i < key.length; i++) write(writer, key[i], `${path}[${i}]`, depth + 1)
  } else if (prototype === Object.prototype || prototype === null) {
    // The default order of sort is by code units, in every place and language.
    const names = Object.keys(key).sort()
    writer.u8(KEY_OBJECT)
    writer.varint(names.length)
    for (const name of names) {
      writeString(writer, name)
      write(writer, (key as Record<string, unknown>)[name], `${path}.${name}`, depth + 1)
    }
  } else {
    refuseKey(key, path)
  }
}

function read(reader: ByteReader, depth: number): unknown {
  const tag = reader.u8()
  switch (tag) {
    case KEY_NULL:
      return null
    case KEY_FALSE:
      return false
    case KEY_TRUE:
      return true
    case KEY_INT32:
      return reader.u32() | 0
    case KEY_FLOAT64: {
      const value = reader.float64()
      return value === (value | 0) || Number.isNaN(value) ? reader.damaged('a number is not canonical') : value
    }
    case KEY_BIGINT:
      return readMagnitude(reader)
    case KEY_BIGINT_NEGATIVE:
      return -readMagnitude(reader)
    case KEY_STRING_LATIN1:
    case KEY_STRING_UTF16:
      return readString(reader, tag)
  }
  if (depth >= KEY_DEPTH_MAX) reader.damaged('a key is nested too deep')
  if (tag === KEY_ARRAY) {
    const items: unknown[] = []
    for (let left = reader.count(); left > 0; left--) items.push(read(reader, depth + 1))
    return items
  }
  if (tag === KEY_OBJECT) {
    const object: Record<string, unknown> = {}
    for (let left = reader.count(3); left > 0; left--) {
      const name = readString(reader, reader.u8())
      setOwn(object, name, read(reader, depth + 1))
    }
    return object
  }
  return reader.damaged(`unknown key tag ${tag}`)
}

function readString(reader: ByteReader, tag: number): string {
  if (tag === KEY_STRING_LATIN1) return readLatin1(reader, reader.varint())
  if (tag === KEY_STRING_UTF16) return readUtf16(reader, reader.varint())
  return reader.damaged('a property name is no string')
}

function describe(key: unknown): string {
  switch (typeof key) {
    case 'undefined':
      return 'undefined'
    case 'number':
      return String(key)
    case 'function':
      return key.name === '' ? 'a function' : `the function ${key.name}`
    case 'object': {
      if (key === null) return 'null'
      const name: unknown = (key as { constructor?: { name?: unknown } }).constructor?.name
      return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class'
    }
  }
  return `a ${typeof key}`
}

function hintFor(key: unknown): string {
  if (key instanceof Date) return 'Use its time in ms: date.getTime().'
  if (key === undefined) return 'Is the field spelled as in the record, and present in every record?'
  return 'Keys are strings, numbers, bigints, booleans, null, and arrays and plain objects of these.'
}
