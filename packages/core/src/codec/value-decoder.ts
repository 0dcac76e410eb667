/**
 * Reads what `ValueEncoder` wrote, in the same order. Bytes are untrusted: whatever they hold, the result is a value
 * or `BYTES_DAMAGED`, and memory is taken only in proportion to the bytes.
 */
import { type Countable, DistinctValues } from '@millrace/api'
import { readMagnitude } from './bigint-codec.ts'
import type { ByteReader } from './byte-reader.ts'
import { type ObjectShape, SHAPE_KEYS_MAX, setOwn, shapeOfKeys, type ValueSource } from './object-shape.ts'
import { readLatin1, readString } from './string-codec.ts'
import * as tag from './value-tag.ts'

/** Holey arrays up to this length are made with room for all elements. */
const HOLEY_ROOM_MAX = 1_024

export class ValueDecoder implements ValueSource {
  readonly #reader: ByteReader
  readonly #shapes: ObjectShape[] = []

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  decode(): unknown {
    return this.value(0)
  }

  /** Forgets the shapes: what follows was written by a new encoder. */
  reset(): void {
    if (this.#shapes.length > 0) this.#shapes.length = 0
  }

  /** Reads a value at a nesting depth; for generated code. */
  value(depth: number): unknown {
    const reader = this.#reader
    const first = reader.u8()
    if (first >= tag.TAG_SMALL_INTEGER) return first - tag.TAG_SMALL_INTEGER
    if (first >= tag.TAG_SHORT_STRING) return readLatin1(reader, first - tag.TAG_SHORT_STRING)
    switch (first) {
      case tag.TAG_UNDEFINED:
        return undefined
      case tag.TAG_NULL:
        return null
      case tag.TAG_FALSE:
        return false
      case tag.TAG_TRUE:
        return true
      case tag.TAG_FLOAT64:
        return reader.float64()
      case tag.TAG_INTEGER:
        return reader.varint()
      case tag.TAG_INTEGER_NEGATIVE:
        return -reader.varint() - 1
      case tag.TAG_BIGINT:
        return readMagnitude(reader)
      case tag.TAG_BIGINT_NEGATIVE:
        return -readMagnitude(reader)
      case tag.TAG_STRING:
        return readString(reader)
      case tag.TAG_DATE:
        return new Date(reader.float64())
      case tag.TAG_ARRAY_BUFFER:
        return reader.copy(reader.varint()).buffer
      case tag.TAG_DATA_VIEW:
        return new DataView(reader.copy(reader.varint()).buffer)
      case tag.TAG_TYPED_ARRAY:
        return this.#typedArray()
      case tag.TAG_DISTINCT_VALUES:
        return this.#distinctValues()
      default:
        if (depth >= tag.VALUE_DEPTH_MAX) reader.damaged('values are nested too deep')
        return this.#container(first, depth + 1)
    }
  }

  #container(first: number, depth: number): unknown {
    const reader = this.#reader
    switch (first) {
      case tag.TAG_OBJECT_KNOWN: {
        const shape = this.#shapes[reader.varint()]
        if (shape === undefined) return reader.damaged('an object has an unknown shape')
        // A damaged list may name a wide shape many times; no object is begun that cannot be completed.
        reader.need(shape.keys.length)
        return shape.readObject(this, depth)
      }
      case tag.TAG_OBJECT_NEW:
        return this.#shape().readObject(this, depth)
      case tag.TAG_OBJECT_INLINE:
        return this.#inlineObject(depth)
      case tag.TAG_ARRAY: {
        const count = reader.count()
        const array: unknown[] = []
        for (let i = 0; i < count; i++) array.push(this.value(depth))
        return array
      }
      case tag.TAG_ARRAY_HOLEY:
        return this.#holeyArray(depth)
      case tag.TAG_MAP: {
        const count = reader.count(2)
        const map = new Map<unknown, unknown>()
        for (let i = 0; i < count; i++) {
          const key = this.value(depth)
          map.set(key, this.value(depth))
        }
        return map
      }
      case tag.TAG_SET: {
        const count = reader.count()
        const set = new Set<unknown>()
        for (let i = 0; i < count; i++) set.add(this.value(depth))
        return set
      }
    }
    return reader.damaged(`unknown value tag ${first}`)
  }

  #distinctValues(): DistinctValues {
    const reader = this.#reader
    const counts = reader.varint()
    if (counts < 1 || counts > DistinctValues.COUNTS_MAX) reader.damaged(`${counts} counts share values`)
    const values = new DistinctValues(counts)
    const distinct = reader.count(counts > 1 ? 2 : 1)
    for (let i = 0; i < distinct; i++) {
      const marks = counts > 1 ? reader.varint() : 1
      if (marks < 1 || marks >= 2 ** counts) reader.damaged(`a value has the marks ${marks}`)
      // Its tag is looked at first: only values without parts are among them.
      const first = reader.u8()
      if (!isCountableTag(first)) reader.damaged(`a value among different ones has the tag ${first}`)
      reader.position--
      values.add(this.value(0) as Countable, marks)
    }
    return values
  }

  #shape(): ObjectShape {
    const reader = this.#reader
    const header = reader.varint()
    const count = Math.floor(header / 2)
    if (count > SHAPE_KEYS_MAX || this.#shapes.length >= tag.SHAPES_MAX) reader.damaged('a shape is too large')
    const keys: string[] = []
    for (let i = 0; i < count; i++) keys.push(readString(reader))
    const shape = shapeOfKeys(keys, header % 2 === 1)
    if (shape === undefined) return reader.damaged('a shape is too large')
    this.#shapes.push(shape)
    return shape
  }

  #inlineObject(depth: number): object {
    const reader = this.#reader
    const header = reader.varint()
    const object: Record<string, unknown> = header % 2 === 1 ? Object.create(null) : {}
    const count = Math.floor(header / 2)
    if (count > reader.remaining) reader.damaged('an object has more properties than there are bytes')
    for (let i = 0; i < count; i++) {
      const key = readString(reader)
      setOwn(object, key, this.value(depth))
    }
    return object
  }

  #holeyArray(depth: number): unknown[] {
    const reader = this.#reader
    const length = reader.varint()
    const count = reader.count(2)
    if (length > 0xffff_ffff || count > length) reader.damaged('an array is too long')
    const array: unknown[] = []
    if (length > HOLEY_ROOM_MAX) {
      // An element far beyond the end makes V8 keep the array as a table, so that its length alone costs nothing.
      array[length - 1] = undefined
      delete array[length - 1]
    } else {
      array.length = length
    }
    for (let i = 0; i < count; i++) {
      const index = reader.varint()
      if (index >= length) reader.damaged('an array element lies beyond the end')
      array[index] = this.value(depth)
    }
    return array
  }

  #typedArray(): ArrayBufferView {
    const reader = this.#reader
    const arrayClass = tag.TYPED_ARRAYS[reader.u8()]
    if (arrayClass === undefined) return reader.damaged('unknown type of typed array')
    const length = reader.varint()
    if (length % arrayClass.BYTES_PER_ELEMENT !== 0) reader.damaged('a typed array ends within an element')
    return new arrayClass(reader.copy(length).buffer)
  }
}

function isCountableTag(first: number): boolean {
  return first >= tag.TAG_SHORT_STRING || (first >= tag.TAG_FALSE && first <= tag.TAG_STRING)
}
