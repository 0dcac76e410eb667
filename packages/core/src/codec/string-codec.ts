/**
 * Strings as bytes, without loss: any sequence of UTF-16 code units, lone surrogates included. Three forms, chosen per
 * string: latin1 (one byte per unit) where all units are below 256, UTF-8 where that is shorter, UTF-16 else. The
 * language alone has no encoder, and core must not ask a platform for one, so the loops are here.
 */
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

export const STRING_LATIN1 = 0
export const STRING_UTF16 = 1
export const STRING_UTF8 = 2

/** Longest piece that is handed to `String.fromCharCode` as arguments. */
const PIECE_UNITS = 4_096
const SCRATCH_UNITS = 256

const fromUnits = String.fromCharCode
/** `SCRATCH[n]` is an argument list of length n, made when first needed. */
const SCRATCH: number[][] = []

/** Writes form, length and units of a string. */
export function writeString(writer: ByteWriter, text: string): void {
  const start = writer.position
  writer.u8(STRING_LATIN1)
  writer.varint(text.length)
  if (writeLatin1(writer, text)) return
  writer.truncate(start)
  const utf8Length = utf8LengthOf(text)
  if (utf8Length < text.length * 2) {
    writer.u8(STRING_UTF8)
    writer.varint(utf8Length)
    writeUtf8(writer, text, utf8Length)
  } else {
    writer.u8(STRING_UTF16)
    writer.varint(text.length)
    writeUtf16(writer, text)
  }
}

export function readString(reader: ByteReader): string {
  const form = reader.u8()
  const length = reader.varint()
  if (form === STRING_LATIN1) return readLatin1(reader, length)
  if (form === STRING_UTF16) return readUtf16(reader, length)
  if (form === STRING_UTF8) return readUtf8(reader, length)
  return reader.damaged(`unknown string form ${form}`)
}

/** Writes one byte per unit; false, and nothing written, when a unit does not fit. */
export function writeLatin1(writer: ByteWriter, text: string): boolean {
  const length = text.length
  writer.ensure(length)
  const bytes = writer.bytes
  const start = writer.position
  let all = 0
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    all |= unit
    bytes[start + i] = unit
  }
  if (all > 0xff) return false
  writer.position = start + length
  return true
}

export function writeUtf16(writer: ByteWriter, text: string): void {
  const length = text.length
  writer.ensure(length * 2)
  const bytes = writer.bytes
  let at = writer.position
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    bytes[at] = unit
    bytes[at + 1] = unit >>> 8
    at += 2
  }
  writer.position = at
}

export function readLatin1(reader: ByteReader, length: number): string {
  reader.need(length)
  const text = latin1At(reader.bytes, reader.position, length)
  reader.position += length
  return text
}

/** The string of `length` bytes at `at`; the caller has checked that they are there. */
export function latin1At(bytes: Uint8Array, at: number, length: number): string {
  switch (length) {
    // Explicit arguments are several times faster than a list of them, and pieces of a joined string cost more.
    case 0:
      return ''
    case 1:
      return fromUnits(bytes[at] as number)
    case 2:
      return fromUnits(bytes[at] as number, bytes[at + 1] as number)
    case 3:
      return fromUnits(bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number)
    case 4:
      return fromUnits(bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number)
    case 5:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
      )
    case 6:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
      )
    case 7:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes[at + 6] as number,
      )
    case 8:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes[at + 6] as number,
        bytes[at + 7] as number,
      )
    case 9:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes[at + 6] as number,
        bytes[at + 7] as number,
        bytes[at + 8] as number,
      )
    case 10:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes[at + 6] as number,
        bytes[at + 7] as number,
        bytes[at + 8] as number,
        bytes[at + 9] as number,
      )
    case 11:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes[at + 6] as number,
        bytes[at + 7] as number,
        bytes[at + 8] as number,
        bytes[at + 9] as number,
        bytes[at + 10] as number,
      )
    case 12:
      return fromUnits(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes[at + 6] as number,
        bytes[at + 7] as number,
        bytes[at + 8] as number,
        bytes[at + 9] as number,
        bytes[at + 10] as number,
        bytes[at + 11] as number,
      )
  }
  if (length <= SCRATCH_UNITS) {
    const units = scratchOf(length)
    for (let i = 0; i < length; i++) units[i] = bytes[at + i] as number
    return fromUnits.apply(null, units)
  }
  let text = ''
  const end = at + length
  for (let piece = at; piece < end; piece += PIECE_UNITS) {
    text += fromUnits.apply(null, bytes.subarray(piece, Math.min(end, piece + PIECE_UNITS)) as unknown as number[])
  }
  return text
}

export function readUtf16(reader: ByteReader, length: number): string {
  reader.need(length * 2)
  const text = utf16At(reader.bytes, reader.position, length)
  reader.position += length * 2
  return text
}

/** The string of `length` units in twice as many bytes at `at`; the caller has checked that they are there. */
export function utf16At(bytes: Uint8Array, at: number, length: number): string {
  let text = ''
  let next = at
  for (let left = length; left > 0; ) {
    const units = scratchOf(Math.min(left, SCRATCH_UNITS))
    for (let i = 0; i < units.length; i++) {
      units[i] = (bytes[next] as number) | ((bytes[next + 1] as number) << 8)
      next += 2
    }
    text += fromUnits.apply(null, units)
    left -= units.length
  }
  return text
}

/** Length as UTF-8, or infinity when the string has a lone surrogate, which UTF-8 cannot hold. */
function utf8LengthOf(text: string): number {
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) length += 1
    else if (unit < 0x800) length += 2
    else if (unit < 0xd800 || unit > 0xdfff) length += 3
    else {
      const next = text.charCodeAt(i + 1)
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return Number.POSITIVE_INFINITY
      length += 4
      i++
    }
  }
  return length
}

function writeUtf8(writer: ByteWriter, text: string, utf8Length: number): void {
  writer.ensure(utf8Length)
  const bytes = writer.bytes
  let at = writer.position
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      bytes[at++] = unit
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >>> 6)
      bytes[at++] = 0x80 | (unit & 0x3f)
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >>> 12)
      bytes[at++] = 0x80 | ((unit >>> 6) & 0x3f)
      bytes[at++] = 0x80 | (unit & 0x3f)
    } else {
      const point = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00)
      bytes[at++] = 0xf0 | (point >>> 18)
      bytes[at++] = 0x80 | ((point >>> 12) & 0x3f)
      bytes[at++] = 0x80 | ((point >>> 6) & 0x3f)
      bytes[at++] = 0x80 | (point & 0x3f)
    }
  }
  writer.position = at
}

function readUtf8(reader: ByteReader, byteLength: number): string {
  reader.need(byteLength)
  const end = reader.position + byteLength
  let text = ''
  let units: number[] = []
  while (reader.position < end) {
    const first = reader.u8()
    if (first < 0x80) {
      units.push(first)
    } else if (first < 0xc2 || first > 0xf4) {
      reader.damaged('a string is not UTF-8')
    } else {
      const following = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
      if (reader.position + following > end) reader.damaged('a string is not UTF-8')
      let point = first & (0x3f >> following)
      for (let i = 0; i < following; i++) {
        const byte = reader.u8()
        if ((byte & 0xc0) !== 0x80) reader.damaged('a string is not UTF-8')
        point = (point << 6) | (byte & 0x3f)
      }
      if (point > 0xffff) {
        if (point > 0x10ffff) reader.damaged('a string is not UTF-8')
        units.push(0xd800 + ((point - 0x10000) >>> 10), 0xdc00 + (point & 0x3ff))
      } else {
        units.push(point)
      }
    }
    if (units.length >= PIECE_UNITS) {
      text += fromUnits.apply(null, units)
      units = []
    }
  }
  return text + fromUnits.apply(null, units)
}

function scratchOf(length: number): number[] {
  let scratch = SCRATCH[length]
  if (scratch === undefined) {
    scratch = Array.from<number>({ length }).fill(0)
    SCRATCH[length] = scratch
  }
  return scratch
}
