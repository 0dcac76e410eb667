/**
 * Stored values as JSON that people and programs read: plain values as themselves, what JSON has no form for as an object
 * with one property that begins with `$`. An object of the user's with such a property is given as `{"$object": [pairs]}`,
 * so that nothing can be taken for something else.
 */
import { DistinctValues } from '@millrace/api'
import { TYPED_ARRAYS } from './value-tag.ts'

/** What `JSON.stringify` writes as it is. */
export type JsonForm = null | boolean | number | string | readonly JsonForm[] | { readonly [name: string]: JsonForm }

/** For values that the value codec reads. */
export function valueToJson(value: unknown): JsonForm {
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) }
    case 'bigint':
      return { $bigint: String(value) }
    case 'undefined':
      return { $undefined: true }
    case 'object':
      return value === null ? null : objectToJson(value)
    default:
      throw new TypeError(`a ${typeof value} is no stored value`)
  }
}

function objectToJson(value: object): JsonForm {
  if (Array.isArray(value)) return Array.from(value, valueToJson)
  if (value instanceof Date) {
    const time = value.getTime()
    return { $date: Number.isNaN(time) ? 'invalid' : value.toISOString() }
  }
  if (value instanceof Map) {
    return { $map: Array.from(value, ([key, item]) => [valueToJson(key), valueToJson(item)]) }
  }
  if (value instanceof Set) return { $set: Array.from(value, valueToJson) }
  if (DistinctValues.isOne(value)) {
    return { $distinct: Array.from({ length: value.counts }, (_, index) => value.size(index)) }
  }
  if (value instanceof ArrayBuffer) return { $bytes: Array.from(new Uint8Array(value)) }
  if (value instanceof DataView) {
    return { $bytes: Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) }
  }
  const typed = TYPED_ARRAYS.find((one) => value instanceof one)
  if (typed !== undefined) {
    return { [`$${typed.name}`]: Array.from(value as unknown as Iterable<number | bigint>, valueToJson) }
  }
  const pairs = Object.entries(value).map(([name, item]) => [name, valueToJson(item)] as const)
  const isAmbiguous = pairs.some(([name]) => name.startsWith('$') || name === '__proto__')
  return isAmbiguous ? { $object: pairs } : Object.fromEntries(pairs)
}
