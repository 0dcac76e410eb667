/**
 * Writes values in the self-describing format of `value-tag.ts`. Lossless for everything that it accepts: −0, NaN,
 * absent against `undefined` properties, holes, lone surrogates, the order of properties. What it cannot write it
 * refuses (`VALUE_NOT_ENCODABLE`). Own enumerable string properties are an object's value; symbols as property names,
 * hidden properties, extra properties of arrays, and whether two places hold the same object are not.
 *
 * Objects of the same shape are written compactly: the first one defines the shape, the following ones refer to it.
 * The shapes belong to one encoder and the one decoder that reads its bytes from their beginning.
 */
import { DistinctValues, MillraceError } from '@millrace/api'
import { writeMagnitude } from './bigint-codec.ts'
import type { ByteWriter } from './byte-writer.ts'
import { assertEncodable, isArrayIndex, isPlainBuffer, typedArrayIndex } from './encodable.ts'
import type { NumbersAt } from './numbers-at.ts'
import { type ObjectShape, shapeOfKeys, type ValueSink } from './object-shape.ts'
import { writeLatin1, writeString } from './string-codec.ts'
import * as tag from './value-tag.ts'

let tokens = 0
const getTime = Date.prototype.getTime

export class ValueEncoder implements ValueSink {
  readonly #writer: ByteWriter
  /** Numbers of the shapes written so far, in order. */
  readonly #numbers = new Map<ObjectShape, number>()
  #shapes: ObjectShape[] = []
  #token = ++tokens

  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /**
   * Writes one value. After a refusal the writer and the shapes are as before.
   * @param what name of the value in a refusal
   */
  encode(value: unknown, what = 'value'): void {
    const position = this.#writer.position
    const shapes = this.#shapes.length
    try {
      this.value(value, 0)
    } catch (error) {
      this.#writer.truncate(position)
      this.#forgetShapes(shapes)
      assertEncodable(value, what)
      throw error
    }
  }

  /** The same as `encode` of an array of these numbers, which no array is made for. */
  numbers({ numbers, start, count }: NumbersAt): void {
    this.#writer.u8(tag.TAG_ARRAY)
    this.#writer.varint(count)
    for (let i = start; i < start + count; i++) this.#number(numbers[i] as number)
  }

  /** Forgets the shapes: what follows is read by a new decoder. */
  reset(): void {
    if (this.#shapes.length === 0) return
    this.#numbers.clear()
    this.#shapes = []
    this.#token = ++tokens
  }

  /** Writes a value at a nesting depth; for generated code and the batch codec, which handle refusals themselves. */
  value(value: unknown, depth: number): void {
    const writer = this.#writer
    switch (typeof value) {
      case 'string':
        this.#string(value)
        break
      case 'number':
        this.#number(value)
        break
      case 'boolean':
        writer.u8(value ? tag.TAG_TRUE : tag.TAG_FALSE)
        break
      case 'undefined':
        writer.u8(tag.TAG_UNDEFINED)
        break
      case 'bigint':
        writer.u8(value < 0n ? tag.TAG_BIGINT_NEGATIVE : tag.TAG_BIGINT)
        writeMagnitude(writer, value < 0n ? -value : value)
        break
      case 'object':
        if (value === null) writer.u8(tag.TAG_NULL)
        else this.#object(value, depth)
        break
      default:
        refuse()
    }
  }

  #string(text: string): void {
    const writer = this.#writer
    if (text.length <= tag.SHORT_STRING_UNITS_MAX) {
      writer.u8(tag.TAG_SHORT_STRING + text.length)
      if (writeLatin1(writer, text)) return
      writer.position--
    }
    writer.u8(tag.TAG_STRING)
    writeString(writer, text)
  }

  #number(value: number): void {
    const writer = this.#writer
    if (!(Math.floor(value) === value && value < tag.INTEGER_MAX && value > -tag.INTEGER_MAX) || Object.is(value, -0)) {
      writer.u8(tag.TAG_FLOAT64)
      writer.float64(value)
    } else if (value < 0) {
      writer.u8(tag.TAG_INTEGER_NEGATIVE)
      writer.varint(-(value + 1))
    } else if (value <= tag.SMALL_INTEGER_MAX) {
      writer.u8(tag.TAG_SMALL_INTEGER + value)
    } else {
      writer.u8(tag.TAG_INTEGER)
      writer.varint(value)
    }
  }

  #object(value: object, depth: number): void {
    if (depth >= tag.VALUE_DEPTH_MAX) refuse()
    const writer = this.#writer
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) {
      this.#record(value, false, depth + 1)
    } else if (Array.isArray(value)) {
      if (prototype !== Array.prototype) refuse()
      this.#array(value, depth + 1)
    } else if (prototype === null) {
      this.#record(value, true, depth + 1)
    } else if (prototype === Map.prototype) {
      this.#map(value as Map<unknown, unknown>, depth + 1)
    } else if (prototype === Set.prototype) {
      this.#set(value as Set<unknown>, depth + 1)
    } else if (prototype === Date.prototype) {
      writer.u8(tag.TAG_DATE)
      writer.float64(getTime.call(value as Date))
    } else if (prototype === DistinctValues.prototype) {
      this.#distinctValues(value as DistinctValues, depth + 1)
    } else {
      this.#buffer(value, prototype)
    }
  }

  #record(object: object, nullPrototype: boolean, depth: number): void {
    const writer = this.#writer
    const keys = Object.keys(object)
    const header = keys.length * 2 + (nullPrototype ? 1 : 0)
    const shape = shapeOfKeys(keys, nullPrototype)
    const number = shape === undefined ? undefined : this.#numberOf(shape)
    if (shape === undefined || (number === undefined && this.#shapes.length >= tag.SHAPES_MAX)) {
      writer.u8(tag.TAG_OBJECT_INLINE)
      writer.varint(header)
      for (const key of keys) {
        writeString(writer, key)
        this.value((object as Record<string, unknown>)[key], depth)
      }
      return
    }
    if (number === undefined) {
      this.#remember(shape)
      writer.u8(tag.TAG_OBJECT_NEW)
      writer.varint(header)
      for (const key of keys) writeString(writer, key)
    } else {
      writer.u8(tag.TAG_OBJECT_KNOWN)
      writer.varint(number)
    }
    shape.writeValues(this, object, depth)
  }

  #numberOf(shape: ObjectShape): number | undefined {
    if (shape.encoderToken === this.#token) return shape.encoderNumber
    const number = this.#numbers.get(shape)
    if (number !== undefined) {
      shape.encoderToken = this.#token
      shape.encoderNumber = number
    }
    return number
  }

  #remember(shape: ObjectShape): void {
    shape.encoderToken = this.#token
    shape.encoderNumber = this.#shapes.length
    this.#numbers.set(shape, this.#shapes.length)
    this.#shapes.push(shape)
  }

  #forgetShapes(from: number): void {
    for (const shape of this.#shapes.splice(from)) {
      this.#numbers.delete(shape)
      shape.encoderToken = 0
    }
  }

  #array(array: readonly unknown[], depth: number): void {
    const writer = this.#writer
    const start = writer.position
    const shapes = this.#shapes.length
    const length = array.length
    writer.u8(tag.TAG_ARRAY)
    writer.varint(length)
    for (let i = 0; i < length; i++) {
      const item = array[i]
      if (item === undefined && !Object.hasOwn(array, i)) {
        writer.truncate(start)
        this.#forgetShapes(shapes)
        this.#holeyArray(array, depth)
        return
      }
      this.value(item, depth)
    }
  }

  #holeyArray(array: readonly unknown[], depth: number): void {
    const writer = this.#writer
    const indices = Object.keys(array).filter(isArrayIndex)
    writer.u8(tag.TAG_ARRAY_HOLEY)
    writer.varint(array.length)
    writer.varint(indices.length)
    for (const index of indices) {
      writer.varint(Number(index))
      this.value(array[Number(index)], depth)
    }
  }

  #map(map: Map<unknown, unknown>, depth: number): void {
    this.#writer.u8(tag.TAG_MAP)
    this.#writer.varint(map.size)
    for (const [key, item] of map) {
      this.value(key, depth)
      this.value(item, depth)
    }
  }

  #set(set: Set<unknown>, depth: number): void {
    this.#writer.u8(tag.TAG_SET)
    this.#writer.varint(set.size)
    for (const item of set) this.value(item, depth)
  }

  #distinctValues(values: DistinctValues, depth: number): void {
    const writer = this.#writer
    const { counts, distinct } = values
    writer.u8(tag.TAG_DISTINCT_VALUES)
    writer.varint(counts)
    writer.varint(distinct)
    values.forEach((value, marks) => {
      if (counts > 1) writer.varint(marks)
      this.value(value, depth)
    })
  }

  #buffer(value: object, prototype: object): void {
    const writer = this.#writer
    if (prototype === ArrayBuffer.prototype) {
      writer.u8(tag.TAG_ARRAY_BUFFER)
      writer.varint((value as ArrayBuffer).byteLength)
      writer.raw(new Uint8Array(value as ArrayBuffer))
      return
    }
    if (!ArrayBuffer.isView(value) || !isPlainBuffer(value.buffer)) refuse()
    if (prototype === DataView.prototype) {
      writer.u8(tag.TAG_DATA_VIEW)
    } else {
      const elementType = typedArrayIndex(prototype)
      if (elementType < 0) refuse()
      writer.u8(tag.TAG_TYPED_ARRAY)
      writer.u8(elementType)
    }
    writer.varint(value.byteLength)
    writer.raw(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  }
}

/** The place and the reason are found afterwards, by `assertEncodable`. */
function refuse(): never {
  throw new MillraceError('VALUE_NOT_ENCODABLE', 'A value cannot be encoded.')
}
