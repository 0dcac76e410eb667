/**
 * Carries values of records and of state through plain data and JSON, and back without loss: bigints, dates, maps, sets, typed
 * arrays and other views of bytes, −0, NaN, `undefined`. What JSON knows stays as it is; the rest is an object with one
 * property that begins with `$`. An object of the user's with such a property is given as `{"$object": [pairs]}`, so that
 * nothing can be taken for something else. Committables hold it, and exports of state.
 *
 * Older checkpoints hold committables as `{ $: kind, v: … }`, which is read as well.
 */
import type { PlainValue } from '../connector/plain-value.ts'
import { MillraceError } from '../error/millrace-error.ts'

const DEPTH_MAX = 500

type TypedArray = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | FloatArray | BigArray
type FloatArray = Uint8ClampedArray | Float32Array | Float64Array
type BigArray = BigInt64Array | BigUint64Array

const TYPED_ARRAYS: Readonly<Record<string, { from(values: Iterable<never>): TypedArray }>> = {
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
} as unknown as Readonly<Record<string, { from(values: Iterable<never>): TypedArray }>>

/** What a caller knows beside: the property and its value for an object, or `undefined`. */
export type OtherForms = (value: object) => { readonly [tag: `$${string}`]: PlainValue } | undefined

/** Plain data for a value. Throws `VALUE_NOT_ENCODABLE` for functions, symbols, class instances and cycles. */
export function encodePlain(value: unknown, otherForms?: OtherForms, depth = 0): PlainValue {
  if (depth > DEPTH_MAX) throw notEncodable(`a value nested deeper than ${DEPTH_MAX}, or within itself`)
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: numberText(value) }
    case 'bigint':
      return { $bigint: value.toString() }
    case 'undefined':
      return { $undefined: true }
    case 'object':
      return value === null ? null : (otherForms?.(value) ?? encodeObject(value, otherForms, depth + 1))
    default:
      throw notEncodable(`a ${typeof value}`)
  }
}

/** The value again. Takes what `encodePlain` made; throws `BYTES_DAMAGED` for tags that it does not know. */
export function decodePlain(plain: PlainValue): unknown {
  if (typeof plain !== 'object' || plain === null) return plain
  if (isList(plain)) return plain.map(decodePlain)
  const entries = Object.entries(plain)
  if (Object.hasOwn(plain, '$')) return decodeTagged(String(plain.$), plain.v)
  const [first] = entries
  if (first === undefined || !first[0].startsWith('$')) return decodeEntries(entries)
  if (entries.length > 1) throw unknownForm(entries.map(([name]) => name).join(', '))
  return decodeTagged(first[0].slice(1), first[1])
}

function decodeTagged(kind: string, v: PlainValue | undefined): unknown {
  switch (kind) {
    case 'number':
      return Number(v)
    case 'bigint':
      return BigInt(String(v))
    case 'undefined':
      return undefined
    case 'date':
      return new Date(v === 'invalid' ? Number.NaN : (decodePlain(v ?? null) as number | string))
    case 'map':
      return new Map(decodePlain(v ?? null) as [unknown, unknown][])
    case 'set':
      return new Set(decodePlain(v ?? null) as unknown[])
    case 'ArrayBuffer':
      return decodeBytes(v).buffer
    case 'DataView':
      return new DataView(decodeBytes(v).buffer)
    case 'object':
      return decodeEntries(v as unknown as [string, PlainValue][])
    default: {
      const array = TYPED_ARRAYS[kind]
      if (array !== undefined) return array.from(decodePlain(v ?? null) as never[])
      throw unknownForm(kind)
    }
  }
}

function encodeObject(value: object, otherForms: OtherForms | undefined, depth: number): PlainValue {
  const encode = (item: unknown): PlainValue => encodePlain(item, otherForms, depth)
  if (Array.isArray(value)) return Array.from(value, encode)
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString() }
  if (value instanceof Map) return { $map: [...value].map(encode) }
  if (value instanceof Set) return { $set: [...value].map(encode) }
  const prototype: unknown = Object.getPrototypeOf(value)
  const kind = (value.constructor as { readonly name?: unknown } | undefined)?.name
  if (typeof kind === 'string' && ArrayBuffer.isView(value) && Object.hasOwn(TYPED_ARRAYS, kind)) {
    return { [`$${kind}`]: Array.from(value as unknown as Iterable<number | bigint>, encode) }
  }
  if (prototype === ArrayBuffer.prototype) return { $ArrayBuffer: [...new Uint8Array(value as ArrayBuffer)] }
  if (prototype === DataView.prototype) {
    const { buffer, byteOffset, byteLength } = value as DataView
    return { $DataView: [...new Uint8Array(buffer, byteOffset, byteLength)] }
  }
  if (prototype !== Object.prototype && prototype !== null) throw notEncodable(`an instance of ${String(kind)}`)
  const entries = Object.entries(value).map(([name, item]): [string, PlainValue] => [name, encode(item)])
  // A field of such a name would be taken for a tag, or for the prototype.
  const isAmbiguous = entries.some(([name]) => name.startsWith('$') || name === '__proto__')
  return isAmbiguous ? { $object: entries } : Object.fromEntries(entries)
}

function decodeBytes(v: PlainValue | undefined): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(v as readonly number[])
}

function decodeEntries(entries: readonly (readonly [string, PlainValue | undefined])[]): object {
  return Object.fromEntries(entries.map(([name, item]) => [name, decodePlain(item ?? null)]))
}

function isList(plain: PlainValue): plain is readonly PlainValue[] {
  return Array.isArray(plain)
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function unknownForm(kind: string): MillraceError {
  return new MillraceError('BYTES_DAMAGED', `A value is of a kind that is not known: "${kind}"`, {
    hint: 'It was not written by this version of Millrace.',
  })
}

function notEncodable(what: string): MillraceError {
  return new MillraceError('VALUE_NOT_ENCODABLE', `A record for a sink holds ${what}`, {
    hint: 'Map the records to plain values before they reach the sink.',
  })
}
