/**
 * Which values can be encoded, and where in a value something stands that cannot. The encoder finds out while it
 * writes; this walk runs afterwards, to name the place, and wherever a value is checked without being written. There
 * nearly every value is right, so a walk that names nothing goes first.
 */
import { DistinctValues, MillraceError } from '@millrace/api'
import { TYPED_ARRAYS, VALUE_DEPTH_MAX } from './value-tag.ts'

/**
 * Throws `VALUE_NOT_ENCODABLE` when `value` holds anything that the value codec cannot write, naming the place:
 * `what` is the name of the outermost value, as in `record.user.callback`.
 */
export function assertEncodable(value: unknown, what: string): void {
  if (!isPlainlyEncodable(value, 0)) walk(value, what, [])
}

/** Index of a typed array's class in `TYPED_ARRAYS`, or -1. */
export function typedArrayIndex(prototype: object | null): number {
  for (let i = 0; i < TYPED_ARRAYS.length; i++) if (TYPED_ARRAYS[i]?.prototype === prototype) return i
  return -1
}

/** Whether the buffer is one whose bytes can be written: an ArrayBuffer, not a shared one. */
export function isPlainBuffer(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return Object.getPrototypeOf(buffer) === ArrayBuffer.prototype
}

/** Arrays that are longer may be nearly empty; `walk` takes only their entries. */
const DENSE_LENGTH_MAX = 1_000_000

/** True for what can be encoded; false where it cannot, or where only `walk` can tell. A circle ends at the depth. */
function isPlainlyEncodable(value: unknown, depth: number): boolean {
  if (typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol'
  if (value === null) return true
  if (depth >= VALUE_DEPTH_MAX) return false
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) {
    for (const key in value) {
      if (!isPlainlyEncodable((value as Record<string, unknown>)[key], depth + 1)) return false
    }
    return true
  }
  if (prototype === Array.prototype && Array.isArray(value)) {
    if (value.length > DENSE_LENGTH_MAX) return false
    for (let i = 0; i < value.length; i++) if (!isPlainlyEncodable(value[i], depth + 1)) return false
    return true
  }
  if (prototype === Map.prototype && hasBrand(mapBrand, value)) {
    for (const [key, item] of value as Map<unknown, unknown>) {
      if (!isPlainlyEncodable(key, depth + 1) || !isPlainlyEncodable(item, depth + 1)) return false
    }
    return true
  }
  if (prototype === Set.prototype && hasBrand(setBrand, value)) {
    for (const item of value as Set<unknown>) if (!isPlainlyEncodable(item, depth + 1)) return false
    return true
  }
  return isLeafObject(value, prototype)
}

function walk(value: unknown, path: string, ancestors: object[]): void {
  if (typeof value === 'function') {
    refuse(path, value.name === '' ? 'a function' : `the function ${value.name}`, 'Keep functions out of data.')
  }
  if (typeof value === 'symbol') refuse(path, `the symbol ${String(value.description)}`, 'Use a string.')
  if (typeof value === 'object' && value !== null) walkObject(value, path, ancestors)
}

function walkObject(value: object, path: string, ancestors: object[]): void {
  if (ancestors.includes(value)) refuse(path, 'a reference to a value that contains it', 'Refer to it by an id.')
  if (ancestors.length >= VALUE_DEPTH_MAX) {
    refuse(path, `nested deeper than ${VALUE_DEPTH_MAX} levels`, 'Use a flat list instead of nested objects.')
  }
  ancestors.push(value)
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    for (const key of Object.keys(value)) walk((value as Record<string, unknown>)[key], pathOf(path, key), ancestors)
  } else if (Array.isArray(value) && prototype === Array.prototype) {
    // Not entry by entry: an array may be long and nearly empty.
    for (const index of Object.keys(value)) {
      if (isArrayIndex(index)) walk(value[Number(index)], `${path}[${index}]`, ancestors)
    }
  } else if (prototype === Map.prototype && hasBrand(mapBrand, value)) {
    let at = 0
    for (const [key, item] of value as Map<unknown, unknown>) {
      walk(key, `${path}.key(${at})`, ancestors)
      walk(item, typeof key === 'string' ? `${path}.get(${JSON.stringify(key)})` : `${path}.value(${at})`, ancestors)
      at++
    }
  } else if (prototype === Set.prototype && hasBrand(setBrand, value)) {
    let at = 0
    for (const item of value as Set<unknown>) walk(item, `${path}.item(${at++})`, ancestors)
  } else if (!isLeafObject(value, prototype)) {
    refuse(path, describeObject(value), 'Use plain objects, arrays, Map, Set, Date, typed arrays and primitive values.')
  }
  ancestors.pop()
}

/** Whether `key` is the canonical form of an array index. */
export function isArrayIndex(key: string): boolean {
  const index = Number(key)
  return index >= 0 && index < 0xffff_ffff && String(index >>> 0) === key
}

function isLeafObject(value: object, prototype: object | null): boolean {
  if (prototype === Date.prototype) return hasBrand(dateBrand, value)
  if (prototype === ArrayBuffer.prototype) return hasBrand(bufferBrand, value)
  // They hold nothing but strings, numbers and their like.
  if (prototype === DistinctValues.prototype) return DistinctValues.isOne(value)
  if (!ArrayBuffer.isView(value)) return false
  return (prototype === DataView.prototype || typedArrayIndex(prototype) >= 0) && isPlainBuffer(value.buffer)
}

// A prototype can be borrowed; these fail on anything that is not really of the class.
const dateBrand = Date.prototype.getTime
const mapBrand = Map.prototype.has
const setBrand = Set.prototype.has
const bufferBrand = ArrayBuffer.prototype.slice

function hasBrand(method: (...args: never[]) => unknown, value: object): boolean {
  try {
    Reflect.apply(method, value, [0, 0])
    return true
  } catch {
    return false
  }
}

function pathOf(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}

function describeObject(value: object): string {
  if (ArrayBuffer.isView(value) && !isPlainBuffer(value.buffer)) return 'a view of shared memory'
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class'
}

function refuse(path: string, what: string, hint: string): never {
  throw new MillraceError('VALUE_NOT_ENCODABLE', `${path} is ${what}, which cannot be encoded.`, {
    details: { path },
    hint,
  })
}
