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
import type { ValueEncoder } from './value-encoder.ts'

/** Fewer objects than this of one shape are not worth columns, nor the code that is generated for them. */
const STRUCT_RECORDS_MIN = 8
const STRUCTS_MAX = 16
const DICTIONARY_VALUES_MIN = 16
/** After a column that no dictionary fits, so many columns of the same place go without trying. */
const DICTIONARY_PAUSES = 15
const NUMBERS_ROOM = 1_024
const INTEGER_RANGE_MAX = 2 ** 32 - 1

/** What a column of a certain place remembers between batches; only hints about what is worth trying. */
export class ColumnMemory {
  /** Memories of the properties, by shape. */
  readonly structs = new Map<ObjectShape, ColumnMemory[]>()
  dictionaryPauses = 0
}

/** Memory for the column at hand, used again for every column. */
export class EncoderScratch {
  #numbers = new Float64Array(NUMBERS_ROOM)
  #positions = new Uint8Array(NUMBERS_ROOM)

  numbers(count: number): Float64Array {
    if (this.#numbers.length < count) this.#numbers = new Float64Array(count)
    return this.#numbers
  }

  /** Dictionary position of each string of a column. */
  positions(count: number): Uint8Array {
    if (this.#positions.length < count) this.#positions = new Uint8Array(count)
    return this.#positions
  }
}

export class ColumnEncoder {
  readonly #writer: ByteWriter
  readonly #values: ValueEncoder
  readonly #scratch: EncoderScratch

  /** @param values writes what no column form holds, to the same writer */
  constructor(writer: ByteWriter, values: ValueEncoder, scratch: EncoderScratch) {
    this.#scratch = scratch
    this.#writer = writer
    this.#values = values
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
    let units = 0
    let longest = 0
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'string') return false
      units += value.length
      if (value.length > longest) longest = value.length
    }
    const texts = values as readonly string[]
    if (count >= DICTIONARY_VALUES_MIN && this.#dictionaryStrings(texts, count, memory)) return true
    const writer = this.#writer
    const start = writer.position
    writer.u8(kind.COLUMN_LATIN1)
    this.#lengths(texts, count, longest)
    writer.ensure(units)
    const { bytes } = writer
    let at = writer.position
    let all = 0
    for (let i = 0; i < count; i++) {
      const text = texts[i] as string
      const length = text.length
      for (let j = 0; j < length; j++) {
        const unit = text.charCodeAt(j)
        all |= unit
        bytes[at++] = unit
      }
    }
    writer.position = at
    if (all > 0xff) {
      writer.truncate(start)
      this.#utf16Strings(texts, count, longest, units)
    }
    return true
  }

  #utf16Strings(texts: readonly string[], count: number, longest: number, units: number): void {
    const writer = this.#writer
    writer.u8(kind.COLUMN_UTF16)
    this.#lengths(texts, count, longest)
    writer.ensure(units * 2)
    const { view } = writer
    let at = writer.position
    for (let i = 0; i < count; i++) {
      const text = texts[i] as string
      for (let j = 0; j < text.length; j++, at += 2) view.setUint16(at, text.charCodeAt(j), true)
    }
    writer.position = at
  }

  #lengths(texts: readonly string[], count: number, longest: number): void {
    const writer = this.#writer
    const width = longest < 0x100 ? 1 : longest < 0x1_0000 ? 2 : 4
    writer.u8(width)
    writer.ensure(count * width)
    const { bytes, view } = writer
    const start = writer.position
    if (width === 1) {
      for (let i = 0; i < count; i++) bytes[start + i] = (texts[i] as string).length
    } else if (width === 2) {
      for (let i = 0; i < count; i++) view.setUint16(start + i * 2, (texts[i] as string).length, true)
    } else {
      for (let i = 0; i < count; i++) view.setUint32(start + i * 4, (texts[i] as string).length, true)
    }
    writer.position = start + count * width
  }

  /** Writes each distinct string once; false, and nothing written, when there are too many of them. */
  #dictionaryStrings(texts: readonly string[], count: number, memory: ColumnMemory): boolean {
    if (memory.dictionaryPauses > 0) {
      memory.dictionaryPauses--
      return false
    }
    const positions = this.#scratch.positions(count)
    const numbers = new Map<string, number>()
    const distinctMax = Math.min(kind.DICTIONARY_MAX, count >> 2)
    for (let i = 0; i < count; i++) {
      const text = texts[i] as string
      let number = numbers.get(text)
      if (number === undefined) {
        number = numbers.size
        if (number === distinctMax) {
          memory.dictionaryPauses = DICTIONARY_PAUSES
          return false
        }
        numbers.set(text, number)
      }
      positions[i] = number
    }
    const writer = this.#writer
    writer.u8(kind.COLUMN_DICTIONARY)
    writer.u8(numbers.size - 1)
    for (const text of numbers.keys()) writeString(writer, text)
    writer.raw(positions.subarray(0, count))
    return true
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
    const memories = propertyMemoriesOf(memory, shape)
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

function propertyMemoriesOf(memory: ColumnMemory, shape: ObjectShape): readonly ColumnMemory[] {
  let memories = memory.structs.get(shape)
  if (memories === undefined) {
    if (memory.structs.size >= STRUCTS_MAX) memory.structs.clear()
    memories = shape.keys.map(() => new ColumnMemory())
    memory.structs.set(shape, memories)
  }
  return memories
}
