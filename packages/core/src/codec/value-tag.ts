/**
 * The first byte of every encoded value. These numbers are in state segments on disk: never change one, only add.
 *
 * | Tag | Value | Followed by |
 * |---|---|---|
 * | 00–03 | undefined, null, false, true | – |
 * | 04 | number | float64 |
 * | 05, 06 | integer n ≥ 0; integer n < 0 | varint n; varint −n − 1 |
 * | 07, 08 | bigint ≥ 0; bigint < 0 | magnitude |
 * | 09 | string | form, length, units |
 * | 0a | Date | float64 epoch ms, NaN when invalid |
 * | 0b, 0c | Map; Set | count, then keys and values; items |
 * | 0d | array without holes | count, items |
 * | 0e | array with holes | length, count, then index and item each |
 * | 0f | object of a known shape | shape number, values |
 * | 10 | object of a new shape, which gets the next number | 2 × count + (null prototype ? 1 : 0), names, values |
 * | 11 | object without a shape | 2 × count + (null prototype ? 1 : 0), then name and value each |
 * | 12, 13 | ArrayBuffer; DataView | length, bytes |
 * | 14 | typed array | element type, length in bytes, bytes |
 * | 15 | different values | number of counts, number of values, then value each, behind its marks where counts share it |
 * | 40–7f | latin1 string of (tag − 40) units | units |
 * | 80–ff | integer (tag − 80) | – |
 */
export const TAG_UNDEFINED = 0x00
export const TAG_NULL = 0x01
export const TAG_FALSE = 0x02
export const TAG_TRUE = 0x03
export const TAG_FLOAT64 = 0x04
export const TAG_INTEGER = 0x05
export const TAG_INTEGER_NEGATIVE = 0x06
export const TAG_BIGINT = 0x07
export const TAG_BIGINT_NEGATIVE = 0x08
export const TAG_STRING = 0x09
export const TAG_DATE = 0x0a
export const TAG_MAP = 0x0b
export const TAG_SET = 0x0c
export const TAG_ARRAY = 0x0d
export const TAG_ARRAY_HOLEY = 0x0e
export const TAG_OBJECT_KNOWN = 0x0f
export const TAG_OBJECT_NEW = 0x10
export const TAG_OBJECT_INLINE = 0x11
export const TAG_ARRAY_BUFFER = 0x12
export const TAG_DATA_VIEW = 0x13
export const TAG_TYPED_ARRAY = 0x14
export const TAG_DISTINCT_VALUES = 0x15
export const TAG_SHORT_STRING = 0x40
export const TAG_SMALL_INTEGER = 0x80

export const SHORT_STRING_UNITS_MAX = 0x3f
export const SMALL_INTEGER_MAX = 0x7f
/** From here on a varint is as long as a float64. */
export const INTEGER_MAX = 2 ** 49

/** Values nest no deeper than this, counting the outermost. */
export const VALUE_DEPTH_MAX = 256
/** Shapes that one encoder numbers; objects of further shapes are written inline. */
export const SHAPES_MAX = 4_096

interface TypedArrayClass {
  new (buffer: ArrayBuffer): ArrayBufferView
  readonly BYTES_PER_ELEMENT: number
  readonly prototype: object
}

/** The element type of an encoded typed array is its index here. */
export const TYPED_ARRAYS: readonly TypedArrayClass[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]
