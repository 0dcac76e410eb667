/**
 * Writes an array of values as one column, in the narrowest form that holds all of them without loss. The form is
 * chosen anew for every column from its values. A value that cannot be encoded throws from within; `batch-codec.ts`
 * then takes everything back.
 */
import type { ByteWriter } from './byte-writer.ts'
import * as kind from './column-kind.ts'
import { type ObjectShape, shapeOfKeys } from './object-shape.ts'
import { packedValues } from './packed-array.ts'
import { writeString } from './string-codec.ts'
import {
  DictionaryTrial,
  ENTRY_UNITS_MAX,
  SentDictionaries,
  type SentDictionary,
  UNLISTED,
} from './string-dictionary.ts'
import { loopTextCopier, type TextCopier } from './text-copier.ts'
import type { ValueEncoder } from './value-encoder.ts'

/** Fewer objects than this of one shape are not worth columns, nor the code that is generated for them. */
const STRUCT_RECORDS_MIN = 8
const STRUCTS_MAX = 64
const DICTIONARY_VALUES_MIN = 16
const NUMBERS_ROOM = 1_024
const INTEGER_RANGE_MAX = 2 ** 32 - 1

/** What is known of a certain place of the records from earlier messages. */
class ColumnMemory {
  /** Of the properties, by shape. */
  readonly structs = new Map<ObjectShape, ColumnMemory[]>()
  readonly dictionary = new DictionaryTrial()

  release(dictionaries: SentDictionaries): void {
    this.dictionary.release(dictionaries)
    for (const memories of this.structs.values()) for (const memory of memories) memory.release(dictionaries)
    this.structs.clear()
  }
}

export interface BatchEncoderOptions {
  /** What the dictionaries may take, estimated bytes; as much again at the receiver. */
  readonly dictionaryBytesMax: number
  readonly textCopier?: TextCopier
}

/**
 * What the sender of a channel remembers between its messages. Each that `encodeBatch` made with it is either sent, and
 * then `onSent` is called before the next one, or counts as never made.
 */
export class BatchEncoderMemory {
  readonly textCopier: TextCopier
  readonly dictionaries: SentDictionaries
  readonly records = new ColumnMemory()
  readonly #accumulators: ColumnMemory[] = []

  constructor(options: BatchEncoderOptions) {
    this.textCopier = options.textCopier ?? loopTextCopier
    this.dictionaries = new SentDictionaries(options.dictionaryBytesMax)
  }

  onSent(): void {
    this.dictionaries.onSent()
  }

  /** Of a column of partial results. */
  accumulators(column: number): ColumnMemory {
    this.#accumulators[column] ??= new ColumnMemory()
    return this.#accumulators[column] as ColumnMemory
  }

  /** Memories of a shape's properties. */
  propertiesOf(memory: ColumnMemory, shape: ObjectShape): readonly ColumnMemory[] {
    let memories = memory.structs.get(shape)
    if (memories === undefined) {
      if (memory.structs.size >= STRUCTS_MAX) memory.release(this.dictionaries)
      memories = shape.keys.map(() => new ColumnMemory())
      memory.structs.set(shape, memories)
    }
    return memories
  }
}

/** Memory for the column at hand, used again for every column. */
export class EncoderScratch {
  #numbers = new Float64Array(NUMBERS_ROOM)
  #positions = new Int32Array(NUMBERS_ROOM)

  numbers(count: number): Float64Array {
    if (this.#numbers.length < count) this.#numbers = new Float64Array(count)
    return this.#numbers
  }

  /** Number in the dictionary of each string of a column. */
  positions(count: number): Int32Array {
    if (this.#positions.length < count) this.#positions = new Int32Array(count)
    return this.#positions
  }
}

export class ColumnEncoder {
  readonly #writer: ByteWriter
  readonly #values: ValueEncoder
  readonly #scratch: EncoderScratch
  readonly #memory: BatchEncoderMemory

  /** @param values writes what no column form holds, to the same writer */
  constructor(writer: ByteWriter, values: ValueEncoder, scratch: EncoderScratch, memory: BatchEncoderMemory) {
    this.#scratch = scratch
    this.#writer = writer
    this.#values = values
    this.#memory = memory
  }

  /** Writes `values[0, count)`. */
  encode(values: readonly unknown[], count: number, memory: ColumnMemory, depth = 0): void {
    if (!this.#encodeTyped(values, count, memory, depth)) this.#general(values, count)
  }

  /** Writes every value by itself. */
  encodeGeneral(values: readonly unknown[], count: number): void {
    this.#general(values, count)
  }

  /** Numbers other than NaN only; for timestamps and key groups. */
  encodeNumbers(values: readonly number[], count: number): void {
    const into = this.#scratch.numbers(count)
    for (let i = 0; i < count; i++) into[i] = values[i] as number
    this.#writeNumbers(count)
  }

  #encodeTyped(values: readonly unknown[], count: number, memory: ColumnMemory, depth: number): boolean {
    const first = values[0]
    switch (typeof first) {
      case 'number':
        return this.#mixedNumbers(values, count) || this.#nullable(values, count, memory, depth)
      case 'string':
        return this.#strings(values, count, memory) || this.#nullable(values, count, memory, depth)
      case 'boolean':
        return this.#booleans(values, count) || this.#nullable(values, count, memory, depth)
      case 'bigint':
        return this.#bigints(values, count) || this.#nullable(values, count, memory, depth)
      case 'object':
        if (first !== null) {
          return (
            this.#struct(values, count, memory, depth) ||
            this.#nullable(values, count, memory, depth) ||
            this.#mixed(values, count, memory, depth)
          )
        }
        return this.#nullable(values, count, memory, depth)
      case 'undefined':
        return count > 0 && this.#nullable(values, count, memory, depth)
    }
    return false
  }

  #general(values: readonly unknown[], count: number): void {
    this.#writer.u8(kind.COLUMN_GENERAL)
    const encoder = this.#values
    for (let i = 0; i < count; i++) encoder.value(values[i], 0)
  }

  #mixedNumbers(values: readonly unknown[], count: number): boolean {
    const into = this.#scratch.numbers(count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'number') return false
      into[i] = value
    }
    this.#writeNumbers(count)
    return true
  }

  /** Writes the first `count` numbers of the scratch memory. */
  #writeNumbers(count: number): void {
    const values = this.#scratch.numbers(count)
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    let i = 0
    for (; i < count; i++) {
      const value = values[i] as number
      if (Math.floor(value) !== value || (value === 0 && 1 / value < 0)) break
      if (value < min) min = value
      if (value > max) max = value
    }
    if (i === count && max - min <= INTEGER_RANGE_MAX && Number.isSafeInteger(min) && Number.isSafeInteger(max)) {
      this.#writeIntegers(values, count, min, max)
    } else {
      this.#writeFloat64s(values, count)
    }
  }

  #writeIntegers(values: Float64Array, count: number, min: number, max: number): void {
    const writer = this.#writer
    const range = max - min
    const width = range < 0x100 ? 1 : range < 0x1_0000 ? 2 : 4
    writer.u8(kind.COLUMN_INTEGER)
    writer.zigzag(min)
    const isInt32 = min >= -0x8000_0000 && max <= 0x7fff_ffff
    writer.u8(width | (isInt32 ? kind.INT32 : 0))
    writer.ensure(count * width)
    const start = writer.position
    const { bytes, view } = writer
    if (width === 1) {
      for (let i = 0; i < count; i++) bytes[start + i] = (values[i] as number) - min
    } else if (width === 2) {
      for (let i = 0, at = start; i < count; i++, at += 2) view.setUint16(at, (values[i] as number) - min, true)
    } else {
      for (let i = 0, at = start; i < count; i++, at += 4) view.setUint32(at, (values[i] as number) - min, true)
    }
    writer.position = start + count * width
  }

  #writeFloat64s(values: Float64Array, count: number): void {
    const writer = this.#writer
    writer.u8(kind.COLUMN_FLOAT64)
    writer.ensure(count * 8)
    const { view } = writer
    let at = writer.position
    for (let i = 0; i < count; i++, at += 8) view.setFloat64(at, values[i] as number, true)
    writer.position = at
  }

  #booleans(values: readonly unknown[], count: number): boolean {
    const writer = this.#writer
    const start = writer.position
    writer.u8(kind.COLUMN_BOOLEAN)
    writer.ensure(count)
    const { bytes } = writer
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (value === true) bytes[start + 1 + i] = 1
      else if (value === false) bytes[start + 1 + i] = 0
      else {
        writer.truncate(start)
        return false
      }
    }
    writer.position = start + 1 + count
    return true
  }

  #bigints(values: readonly unknown[], count: number): boolean {
    const writer = this.#writer
    const start = writer.position
    writer.u8(kind.COLUMN_BIGINT64)
    writer.ensure(count * 8)
    const { view } = writer
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
        writer.truncate(start)
        return false
      }
      view.setBigInt64(start + 1 + i * 8, value, true)
    }
    writer.position = start + 1 + count * 8
    return true
  }

  #strings(values: readonly unknown[], count: number, memory: ColumnMemory): boolean {
    for (let i = 0; i < count; i++) if (typeof values[i] !== 'string') return false
    const texts = values as readonly string[]
    const { dictionary: trial } = memory
    const dictionary = count < DICTIONARY_VALUES_MIN ? undefined : trial.dictionaryFor(count, this.#memory.dictionaries)
    if (dictionary === undefined) this.#wholeStrings(texts, 0, count)
    else trial.onEncoded(count, this.#dictionaryStrings(texts, count, dictionary), this.#memory.dictionaries)
    return true
  }

  /** Writes the units of `texts[from, to)`, all in one copy. */
  #wholeStrings(texts: readonly string[], from: number, to: number): void {
    let units = 0
    let longest = 0
    for (let i = from; i < to; i++) {
      const { length } = texts[i] as string
      units += length
      if (length > longest) longest = length
    }
    const writer = this.#writer
    const { textCopier } = this.#memory
    const start = writer.position
    writer.u8(kind.COLUMN_LATIN1)
    this.#lengths(texts, from, to, longest)
    // Fails where it is too much for a message, before it could be too much for a string.
    writer.ensure(units)
    let joined = ''
    for (let i = from; i < to; i++) joined += texts[i] as string
    if (textCopier.writeLatin1(joined, writer.bytes, writer.position)) {
      writer.position += units
      return
    }
    writer.ensure(units * 2)
    writer.bytes[start] = kind.COLUMN_UTF16
    textCopier.writeUtf16(joined, writer.bytes, writer.position)
    writer.position += units * 2
  }

  #lengths(texts: readonly string[], from: number, to: number, longest: number): void {
    const writer = this.#writer
    const width = longest < 0x100 ? 1 : longest < 0x1_0000 ? 2 : 4
    writer.u8(width)
    writer.ensure((to - from) * width)
    const { bytes, view } = writer
    let at = writer.position
    if (width === 1) {
      for (let i = from; i < to; i++, at += 1) bytes[at] = (texts[i] as string).length
    } else if (width === 2) {
      for (let i = from; i < to; i++, at += 2) view.setUint16(at, (texts[i] as string).length, true)
    } else {
      for (let i = from; i < to; i++, at += 4) view.setUint32(at, (texts[i] as string).length, true)
    }
    writer.position = at
  }

  /** Writes numbers of a dictionary, to which it adds what is missing; gives how many strings were in it before. */
  #dictionaryStrings(texts: readonly string[], count: number, dictionary: SentDictionary): number {
    const { numbers } = dictionary
    const entriesBefore = dictionary.texts.length
    const positions = this.#scratch.positions(count)
    const unlisted: string[] = []
    let repeats = 1
    while (repeats < count && texts[repeats] === texts[0]) repeats++
    const lookUps = repeats === count ? 1 : count
    for (let i = 0; i < lookUps; i++) {
      const text = texts[i] as string
      // Of a long one not even the hash is needed.
      const number = (text.length > ENTRY_UNITS_MAX ? UNLISTED : numbers.get(text)) ?? dictionary.add(text)
      if (number === UNLISTED) unlisted.push(text)
      positions[i] = number
    }
    if (lookUps < count) {
      positions.fill(positions[0] as number, 1, count)
      while (unlisted.length > 0 && unlisted.length < count) unlisted.push(texts[0] as string)
    }
    const entries = dictionary.texts.length
    const writer = this.#writer
    writer.u8(kind.COLUMN_DICTIONARY)
    writer.u8(dictionary.id)
    writer.varint(entriesBefore)
    writer.varint(entries - entriesBefore)
    if (entries > entriesBefore) this.#wholeStrings(dictionary.texts, entriesBefore, entries)
    this.#writePositions(positions, count, entries)
    if (unlisted.length > 0) this.#wholeStrings(unlisted, 0, unlisted.length)
    return count - (entries - entriesBefore) - unlisted.length
  }

  #writePositions(positions: Int32Array, count: number, entries: number): void {
    const writer = this.#writer
    const width = entries < 0x100 ? 1 : 2
    writer.u8(width)
    writer.ensure(count * width)
    const { bytes, view } = writer
    let at = writer.position
    // The lower bits of `UNLISTED` are all set.
    if (width === 1) for (let i = 0; i < count; i++, at += 1) bytes[at] = positions[i] as number
    else for (let i = 0; i < count; i++, at += 2) view.setUint16(at, positions[i] as number, true)
    writer.position = at
  }

  #struct(values: readonly unknown[], count: number, memory: ColumnMemory, depth: number): boolean {
    if (count < STRUCT_RECORDS_MIN || depth >= kind.COLUMN_DEPTH_MAX) return false
    const shape = structShapeOf(values[0])
    if (shape === undefined) return false
    if (shape.countAlike(values, count) < count) return false
    this.#columns(values, count, shape, memory, depth)
    return true
  }

  #columns(values: readonly unknown[], count: number, shape: ObjectShape, memory: ColumnMemory, depth: number): void {
    const writer = this.#writer
    const { keys } = shape
    const memories = this.#memory.propertiesOf(memory, shape)
    writer.u8(kind.COLUMN_STRUCT)
    writer.u8(keys.length)
    for (const key of keys) writeString(writer, key)
    const first = values[0] as Record<string, unknown>
    for (let i = 0; i < keys.length; i++) {
      if (
        typeof first[keys[i] as string] === 'number' &&
        shape.extractNumbers(i, values, count, this.#scratch.numbers(count))
      ) {
        this.#writeNumbers(count)
      } else {
        const column = packedValues(count)
        shape.extractValues(i, values, count, column)
        this.encode(column, count, memories[i] as ColumnMemory, depth + 1)
      }
    }
  }

  /** For columns with null or undefined among the values; false, and nothing written, for others. */
  #nullable(values: readonly unknown[], count: number, memory: ColumnMemory, depth: number): boolean {
    if (!hasAbsent(values, count)) return false
    const present: unknown[] = []
    const writer = this.#writer
    writer.u8(kind.COLUMN_NULLABLE)
    writer.ensure(count)
    const { bytes } = writer
    const start = writer.position
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (value === null) bytes[start + i] = kind.PRESENT_NULL
      else if (value === undefined) bytes[start + i] = kind.PRESENT_UNDEFINED
      else {
        bytes[start + i] = kind.PRESENT
        present.push(value)
      }
    }
    writer.position = start + count
    if (present.length > 0) this.encode(present, present.length, memory, depth)
    return true
  }

  /** Objects of several shapes, perhaps among other values: one group per shape, group 0 for the rest. */
  #mixed(values: readonly unknown[], count: number, memory: ColumnMemory, depth: number): boolean {
    if (count < STRUCT_RECORDS_MIN || depth >= kind.COLUMN_DEPTH_MAX) return false
    const byShape = new Map<ObjectShape, unknown[]>()
    for (let i = 0; i < count; i++) {
      const shape = structShapeOf(values[i])
      if (shape === undefined) continue
      const members = byShape.get(shape)
      if (members === undefined) byShape.set(shape, [values[i]])
      else members.push(values[i])
    }
    const groups = new Map<ObjectShape, number>()
    for (const [shape, members] of byShape) {
      if (members.length >= STRUCT_RECORDS_MIN && groups.size < kind.GROUPS_MAX) groups.set(shape, groups.size + 1)
    }
    if (groups.size === 0) return false
    const writer = this.#writer
    writer.u8(kind.COLUMN_MIXED)
    writer.u8(groups.size + 1)
    const rest: unknown[] = []
    for (let i = 0; i < count; i++) {
      const value = values[i]
      const shape = structShapeOf(value)
      const group = shape === undefined ? 0 : (groups.get(shape) ?? 0)
      if (group === 0) rest.push(value)
      writer.u8(group)
    }
    this.#general(rest, rest.length)
    for (const shape of groups.keys()) {
      const members = byShape.get(shape) as unknown[]
      this.#columns(members, members.length, shape, memory, depth)
    }
    return true
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function hasAbsent(values: readonly unknown[], count: number): boolean {
  for (let i = 0; i < count; i++) if (values[i] === null || values[i] === undefined) return true
  return false
}

/** The shape of a plain object with properties, if it is to be written as columns. */
function structShapeOf(value: unknown): ObjectShape | undefined {
  if (!isPlainObject(value)) return undefined
  const keys = Object.keys(value)
  return keys.length === 0 ? undefined : shapeOfKeys(keys, false)
}
