/**
 * Reads columns that `ColumnEncoder` wrote. Bytes are untrusted, as everywhere: the result is values or
 * `BYTES_DAMAGED`. Numbers come in scratch arrays that are used again for the next message; `decodeValues` copies.
 */
import type { ByteReader } from './byte-reader.ts'
import * as kind from './column-kind.ts'
import { SHAPE_KEYS_MAX, shapeOfKeys } from './object-shape.ts'
import { packedDoubles, packedIntegers, packedValues } from './packed-array.ts'
import { latin1At, readString } from './string-codec.ts'
import { DICTIONARY_ENTRIES_MAX, ReceivedDictionaries } from './string-dictionary.ts'
import { loopTextCopier, type TextCopier } from './text-copier.ts'
import type { ValueDecoder } from './value-decoder.ts'

/** Structs, groups and absent values within each other; the encoder stays far below. */
const NESTING_MAX = 4 * kind.COLUMN_DEPTH_MAX
/** V8 copies a part of a string that is as short; a longer one would keep the whole string alive. */
const COPIED_UNITS_MAX = 12

export type Column = ArrayLike<unknown>

/** Number arrays that are lent for one message. */
export class ColumnScratch {
  readonly #int32s: Int32Array[] = []
  readonly #float64s: Float64Array[] = []
  #int32sLent = 0
  #float64sLent = 0

  int32s(count: number): Int32Array {
    let array = this.#int32s[this.#int32sLent]
    if (array === undefined || array.length < count) {
      array = new Int32Array(roomFor(count))
      this.#int32s[this.#int32sLent] = array
    }
    this.#int32sLent++
    return array
  }

  float64s(count: number): Float64Array {
    let array = this.#float64s[this.#float64sLent]
    if (array === undefined || array.length < count) {
      array = new Float64Array(roomFor(count))
      this.#float64s[this.#float64sLent] = array
    }
    this.#float64sLent++
    return array
  }

  reset(): void {
    this.#int32sLent = 0
    this.#float64sLent = 0
  }
}

/** What the receiver of a channel remembers between its messages, which it decodes in the order in which they were sent. */
export class BatchDecoderMemory {
  readonly textCopier: TextCopier
  readonly dictionaries = new ReceivedDictionaries()

  constructor(textCopier: TextCopier = loopTextCopier) {
    this.textCopier = textCopier
  }
}

export class ColumnDecoder {
  readonly #reader: ByteReader
  readonly #values: ValueDecoder
  readonly #scratch: ColumnScratch
  readonly #memory: BatchDecoderMemory

  constructor(reader: ByteReader, values: ValueDecoder, scratch: ColumnScratch, memory: BatchDecoderMemory) {
    this.#reader = reader
    this.#values = values
    this.#scratch = scratch
    this.#memory = memory
  }

  /** Reads a column into an array of its own. */
  decodeValues(count: number): unknown[] {
    const column = this.#column(count, 0)
    if (Array.isArray(column)) return column
    return arrayOf(column as Int32Array | Float64Array, count)
  }

  /** Reads a column that must hold numbers. */
  decodeNumbers(count: number): number[] {
    const kindByte = this.#reader.u8()
    const column = this.#numbers(kindByte, count)
    if (column === undefined) return this.#reader.damaged('a column of numbers has another kind')
    return arrayOf(column, count)
  }

  /** At least `count` values; those behind are left from earlier columns. */
  #column(count: number, nesting: number): Column {
    const reader = this.#reader
    if (nesting > NESTING_MAX) reader.damaged('columns are nested too deep')
    const kindByte = reader.u8()
    switch (kindByte) {
      case kind.COLUMN_GENERAL:
        return this.#general(count)
      case kind.COLUMN_BOOLEAN:
        return this.#booleans(count)
      case kind.COLUMN_LATIN1:
      case kind.COLUMN_UTF16:
        return this.#strings(kindByte, count)
      case kind.COLUMN_DICTIONARY:
        return this.#dictionary(count)
      case kind.COLUMN_BIGINT64:
        return this.#bigints(count)
      case kind.COLUMN_STRUCT:
        return this.#struct(count, nesting)
      case kind.COLUMN_NULLABLE:
        return this.#nullable(count, nesting)
      case kind.COLUMN_MIXED:
        return this.#mixed(count, nesting)
    }
    return this.#numbers(kindByte, count) ?? reader.damaged(`unknown column kind ${kindByte}`)
  }

  #numbers(kindByte: number, count: number): Int32Array | Float64Array | undefined {
    if (kindByte === kind.COLUMN_INTEGER) return this.#integers(count)
    if (kindByte === kind.COLUMN_FLOAT64) return this.#float64s(count)
    return undefined
  }

  #general(count: number): Column {
    const decoder = this.#values
    const values = packedValues(count)
    for (let i = 0; i < count; i++) values[i] = decoder.value(0)
    return values
  }

  #integers(count: number): Int32Array | Float64Array {
    const reader = this.#reader
    const min = reader.zigzag()
    const form = reader.u8()
    const width = this.#width(form & ~kind.INT32)
    reader.need(count * width)
    const { bytes, view, position } = reader
    reader.position = position + count * width
    if ((form & kind.INT32) === 0) {
      const into = this.#scratch.float64s(count)
      if (width === 1) for (let i = 0; i < count; i++) into[i] = min + (bytes[position + i] as number)
      else if (width === 2) for (let i = 0; i < count; i++) into[i] = min + view.getUint16(position + i * 2, true)
      else for (let i = 0; i < count; i++) into[i] = min + view.getUint32(position + i * 4, true)
      return into
    }
    // The same loops again: with one type of array in each they run several times faster.
    const into = this.#scratch.int32s(count)
    if (width === 1) for (let i = 0; i < count; i++) into[i] = min + (bytes[position + i] as number)
    else if (width === 2) for (let i = 0; i < count; i++) into[i] = min + view.getUint16(position + i * 2, true)
    else for (let i = 0; i < count; i++) into[i] = min + view.getUint32(position + i * 4, true)
    return into
  }

  #float64s(count: number): Float64Array {
    const reader = this.#reader
    reader.need(count * 8)
    const into = this.#scratch.float64s(count)
    const { view, position } = reader
    for (let i = 0; i < count; i++) into[i] = view.getFloat64(position + i * 8, true)
    reader.position = position + count * 8
    return into
  }

  #booleans(count: number): Column {
    const reader = this.#reader
    reader.need(count)
    const { bytes, position } = reader
    const values = packedValues(count)
    for (let i = 0; i < count; i++) values[i] = bytes[position + i] !== 0
    reader.position = position + count
    return values
  }

  #bigints(count: number): Column {
    const reader = this.#reader
    reader.need(count * 8)
    const { view, position } = reader
    const values = packedValues(count)
    for (let i = 0; i < count; i++) values[i] = view.getBigInt64(position + i * 8, true)
    reader.position = position + count * 8
    return values
  }

  #strings(kindByte: number, count: number): string[] {
    const values = packedValues(count) as string[]
    this.#readStrings(kindByte, count, values, 0)
    return values
  }

  /** Reads `count` strings to `into`, from `first` on. */
  #readStrings(kindByte: number, count: number, into: string[], first: number): void {
    const reader = this.#reader
    const { bytes } = reader
    const { textCopier } = this.#memory
    const lengths = this.#lengths(count)
    let units = 0
    let longest = 0
    for (let i = 0; i < count; i++) {
      const length = lengths[i] as number
      units += length
      if (length > longest) longest = length
    }
    const isLatin1 = kindByte === kind.COLUMN_LATIN1
    reader.need(isLatin1 ? units : units * 2)
    let at = reader.position
    if (longest <= COPIED_UNITS_MAX) {
      const all = isLatin1 ? textCopier.readLatin1(bytes, at, units) : textCopier.readUtf16(bytes, at, units)
      for (let i = 0, from = 0; i < count; i++) {
        const to = from + (lengths[i] as number)
        into[first + i] = all.substring(from, to)
        from = to
      }
      at += isLatin1 ? units : units * 2
    } else if (isLatin1) {
      for (let i = 0; i < count; i++) {
        const length = lengths[i] as number
        into[first + i] =
          length <= COPIED_UNITS_MAX ? latin1At(bytes, at, length) : textCopier.readLatin1(bytes, at, length)
        at += length
      }
    } else {
      for (let i = 0; i < count; i++) {
        const length = lengths[i] as number
        into[first + i] = textCopier.readUtf16(bytes, at, length)
        at += length * 2
      }
    }
    reader.position = at
  }

  #lengths(count: number): ArrayLike<number> {
    const reader = this.#reader
    const width = this.#width(reader.u8())
    reader.need(count * width)
    const { bytes, view, position } = reader
    reader.position = position + count * width
    if (width === 4) {
      const lengths = this.#scratch.float64s(count)
      for (let i = 0; i < count; i++) lengths[i] = view.getUint32(position + i * 4, true)
      return lengths
    }
    const lengths = this.#scratch.int32s(count)
    if (width === 1) for (let i = 0; i < count; i++) lengths[i] = bytes[position + i] as number
    else for (let i = 0; i < count; i++) lengths[i] = view.getUint16(position + i * 2, true)
    return lengths
  }

  #width(width: number): number {
    if (width !== 1 && width !== 2 && width !== 4) this.#reader.damaged(`unknown width ${width}`)
    return width
  }

  #dictionary(count: number): Column {
    const reader = this.#reader
    const id = reader.u8()
    const entriesBefore = reader.varint()
    const texts = this.#memory.dictionaries.textsOf(id, entriesBefore, reader)
    const added = reader.count()
    const entries = entriesBefore + added
    if (entries > DICTIONARY_ENTRIES_MAX) reader.damaged('a dictionary is too large')
    if (added > 0) this.#readStrings(this.#stringsKind(), added, texts, entriesBefore)
    const width = reader.u8()
    if (width !== 1 && width !== 2) reader.damaged(`unknown width ${width}`)
    reader.need(count * width)
    const { bytes, view, position } = reader
    reader.position = position + count * width
    const unlistedMark = width === 1 ? 0xff : 0xffff
    const values = packedValues(count)
    const unlistedAt: number[] = []
    for (let i = 0; i < count; i++) {
      const number = width === 1 ? (bytes[position + i] as number) : view.getUint16(position + i * 2, true)
      if (number < entries) values[i] = texts[number]
      else if (number === unlistedMark) unlistedAt.push(i)
      else reader.damaged('a string is missing from the dictionary')
    }
    if (unlistedAt.length > 0) {
      const unlisted = this.#strings(this.#stringsKind(), unlistedAt.length)
      for (let i = 0; i < unlistedAt.length; i++) values[unlistedAt[i] as number] = unlisted[i]
    }
    return values
  }

  #stringsKind(): number {
    const kindByte = this.#reader.u8()
    if (kindByte !== kind.COLUMN_LATIN1 && kindByte !== kind.COLUMN_UTF16) {
      this.#reader.damaged('a column of strings has another kind')
    }
    return kindByte
  }

  #struct(count: number, nesting: number): Column {
    const reader = this.#reader
    const properties = reader.u8()
    if (properties === 0 || properties > SHAPE_KEYS_MAX) reader.damaged('a shape is too large')
    const keys: string[] = []
    for (let i = 0; i < properties; i++) keys.push(readString(reader))
    const shape = shapeOfKeys(keys, false)
    if (shape === undefined) return reader.damaged('a shape is too large')
    const columns: Column[] = []
    for (let i = 0; i < properties; i++) columns.push(this.#column(count, nesting + 1))
    const values = packedValues(count)
    shape.build(count, columns, values)
    return values
  }

  #nullable(count: number, nesting: number): Column {
    const reader = this.#reader
    const presence = reader.raw(count)
    let presentCount = 0
    for (let i = 0; i < count; i++) {
      if (presence[i] === kind.PRESENT) presentCount++
      else if ((presence[i] as number) > kind.PRESENT_UNDEFINED) reader.damaged('unknown presence')
    }
    const present: Column = presentCount === 0 ? [] : this.#column(presentCount, nesting + 1)
    const values = packedValues(count)
    let next = 0
    for (let i = 0; i < count; i++) {
      if (presence[i] === kind.PRESENT) values[i] = present[next++]
      else values[i] = presence[i] === kind.PRESENT_NULL ? null : undefined
    }
    return values
  }

  #mixed(count: number, nesting: number): Column {
    const reader = this.#reader
    const groupCount = reader.u8()
    if (groupCount > kind.GROUPS_MAX + 1) reader.damaged('too many groups')
    const groups = reader.raw(count)
    const counts = new Array<number>(groupCount).fill(0)
    for (let i = 0; i < count; i++) {
      const group = groups[i] as number
      if (group >= groupCount) reader.damaged('unknown group')
      counts[group] = (counts[group] as number) + 1
    }
    const columns: Column[] = []
    for (let group = 0; group < groupCount; group++) columns.push(this.#column(counts[group] as number, nesting + 1))
    const values = packedValues(count)
    const next = new Array<number>(groupCount).fill(0)
    for (let i = 0; i < count; i++) {
      const group = groups[i] as number
      const at = next[group] as number
      next[group] = at + 1
      values[i] = (columns[group] as Column)[at]
    }
    return values
  }
}

/** A packed array of the first `count` numbers. */
function arrayOf(column: Int32Array | Float64Array, count: number): number[] {
  if (column instanceof Int32Array) {
    const values = packedIntegers(count)
    for (let i = 0; i < count; i++) values[i] = column[i] as number
    return values
  }
  const values = packedDoubles(count)
  for (let i = 0; i < count; i++) values[i] = column[i] as number
  return values
}

/** Sizes in steps, so that batches of slowly growing length do not each make a new array. */
function roomFor(count: number): number {
  return Math.max(1_024, 2 ** Math.ceil(Math.log2(count)))
}
