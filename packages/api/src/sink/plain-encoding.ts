/**
 * Carries values of records through plain data, as committables must be, and back without loss: bigints, dates, maps,
 * sets, typed arrays and other views of bytes, −0, NaN, `undefined`. What JSON knows stays as it is; the rest becomes `{ $: kind, v: … }`.
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

/** Plain data for a value. Throws `VALUE_NOT_ENCODABLE` for functions, symbols, class instances and cycles. */
export function encodePlain(value: unknown, depth = 0): PlainValue {
  if (depth > DEPTH_MAX) throw notEncodable(`a value nested deeper than ${DEPTH_MAX}, or within itself`)
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : tagged('number', numberText(value))
    case 'bigint':
      return tagged('bigint', value.toString())
    case 'undefined':
      return tagged('undefined', null)
    case 'object':
      return value === null ? null : encodeObject(value, depth + 1)
    default:
      throw notEncodable(`a ${typeof value}`)
  }
}

/** The value again. Takes what `encodePlain` made; throws `BYTES_DAMAGED` for tags that it does not know. */
export function decodePlain(plain: PlainValue): unknown {
  if (typeof plain !== 'object' || plain === null) return plain
  if (isList(plain)) return plain.map(decodePlain)
  if (!Object.hasOwn(plain, '$')) return decodeEntries(Object.entries(plain))
  const { $: kind, v } = plain
  switch (kind) {
    case 'number':
      return Number(v)
    case 'bigint':
      return BigInt(String(v))
    case 'undefined':
      return undefined
    case 'date':
      return new Date(decodePlain(v ?? null) as number)
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
      const array = TYPED_ARRAYS[String(kind)]
      if (array !== undefined) return array.from(decodePlain(v ?? null) as never[])
      throw new MillraceError('BYTES_DAMAGED', `Collected output holds a value of unknown kind "${String(kind)}"`)
    }
  }
}

function encodeObject(value: object, depth: number): PlainValue {
  if (Array.isArray(value)) return Array.from(value, (item) => encodePlain(item, depth))
  if (value instanceof Date) return tagged('date', encodePlain(value.getTime(), depth))
  if (value instanceof Map) {
    return tagged(
      'map',
      [...value].map((entry) => encodePlain(entry, depth)),
    )
  }
  if (value instanceof Set) {
    return tagged(
      'set',
      [...value].map((item) => encodePlain(item, depth)),
    )
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  const kind = (value.constructor as { readonly name?: unknown } | undefined)?.name
  if (typeof kind === 'string' && ArrayBuffer.isView(value) && TYPED_ARRAYS[kind] !== undefined) {
    return tagged(
      kind,
      Array.from(value as unknown as Iterable<number | bigint>, (item) => encodePlain(item, depth)),
    )
  }
  if (prototype === ArrayBuffer.prototype) return tagged('ArrayBuffer', [...new Uint8Array(value as ArrayBuffer)])
  if (prototype === DataView.prototype) {
    const { buffer, byteOffset, byteLength } = value as DataView
    return tagged('DataView', [...new Uint8Array(buffer, byteOffset, byteLength)])
  }
  if (prototype !== Object.prototype && prototype !== null) throw notEncodable(`an instance of ${String(kind)}`)
  const entries = Object.entries(value).map(([name, item]): [string, PlainValue] => [name, encodePlain(item, depth)])
  // A field of that name would be taken for a tag.
  return Object.hasOwn(value, '$') ? tagged('object', entries) : Object.fromEntries(entries)
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

function tagged(kind: string, v: PlainValue): PlainValue {
  return { $: kind, v }
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function notEncodable(what: string): MillraceError {
  return new MillraceError('VALUE_NOT_ENCODABLE', `A record for a sink holds ${what}`, {
    hint: 'Map the records to plain values before they reach the sink.',
  })
}
