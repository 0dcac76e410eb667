/** Values of every kind that the codecs accept, weird ones included, and an equality that sees all differences. */
import { type Countable, DistinctValues } from '@millrace/api'
import fc from 'fast-check'

const HOLE = Symbol('hole')

const anyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary-ascii' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', '\u0000', '__proto__', 'constructor', '\ud800', '\udc00x', 'ÿ', 'Ā', '😀'),
)

const anyNumber = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 31, -(2 ** 31), 2 ** 53),
)

export const anyPrimitive: fc.Arbitrary<unknown> = fc.oneof(
  anyNumber,
  anyString,
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
)

const anyBytes = fc.uint8Array({ maxLength: 24 })

const anyBuffer: fc.Arbitrary<unknown> = fc.oneof(
  anyBytes,
  anyBytes.map((bytes) => bytes.slice().buffer),
  anyBytes.map((bytes) => new DataView(bytes.slice().buffer)),
  anyBytes.map((bytes) => bytes.subarray(bytes.length >> 1)),
  fc.float64Array({ maxLength: 5 }),
  fc.float32Array({ maxLength: 5 }),
  fc.int16Array({ maxLength: 5 }),
  fc.uint8ClampedArray({ maxLength: 5 }),
  fc.bigInt64Array({ maxLength: 5 }),
)

const anyDate = fc.oneof(fc.date(), fc.constant(new Date(Number.NaN)))

const anyKeyName = fc.oneof(fc.constantFrom('a', 'b', 'c', 'id', '1', '0', '__proto__', 'constructor'), anyString)

const anyDistinctValues = fc.constantFrom(1, 3, 12).chain((counts) =>
  fc
    .array(
      fc.tuple(fc.oneof(anyNumber, anyString, fc.boolean(), fc.bigInt()), fc.integer({ min: 1, max: 2 ** counts - 1 })),
    )
    .map((adds: (readonly [Countable, number])[]) => {
      const values = new DistinctValues(counts)
      for (const [value, marks] of adds) values.add(value, marks)
      return values
    }),
)

export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    anyPrimitive,
    anyBuffer,
    anyDate,
    anyDistinctValues,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.option(tie('value'), { freq: 2, nil: HOLE }), { maxLength: 6 }).map(withHoles),
    fc.array(fc.tuple(anyKeyName, tie('value')), { maxLength: 5 }).map((entries) => objectOf(entries, {})),
    fc
      .array(fc.tuple(anyKeyName, tie('value')), { maxLength: 4 })
      .map((entries) => objectOf(entries, Object.create(null))),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).value

function withHoles(items: readonly unknown[]): unknown[] {
  const array: unknown[] = []
  array.length = items.length
  for (const [i, item] of items.entries()) if (item !== HOLE) array[i] = item
  return array
}

export function objectOf(entries: readonly (readonly [string, unknown])[], object: object): object {
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  }
  return object
}

/** A text that two values share exactly when they are the same in everything that the codecs keep. */
export function fingerprint(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `s${JSON.stringify(value)}`
    case 'number':
      return Object.is(value, -0) ? 'n-0' : `n${value}`
    case 'bigint':
      return `i${value}`
    case 'object':
      return value === null ? 'null' : fingerprintOfObject(value)
    default:
      return String(value)
  }
}

function fingerprintOfObject(value: object): string {
  if (Array.isArray(value)) {
    const items = Array.from({ length: Math.min(value.length, 5_000) }, (_, i) =>
      Object.hasOwn(value, i) ? fingerprint(value[i]) : 'hole',
    )
    return `[${value.length}:${items.join()}]`
  }
  if (value instanceof Date) return `d${value.getTime()}`
  if (value instanceof Map) return `m{${[...value].map(([k, v]) => `${fingerprint(k)}=>${fingerprint(v)}`).join()}}`
  if (value instanceof Set) return `S{${[...value].map(fingerprint).join()}}`
  if (value instanceof ArrayBuffer) return `b${new Uint8Array(value).join()}`
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    return `${value.constructor.name}(${bytes.join()})`
  }
  if (value instanceof DistinctValues) {
    const held: string[] = []
    value.forEach((item, marks) => void held.push(`${fingerprint(item)}=>${marks}`))
    // In no particular order.
    return `D${value.counts}{${held.sort().join()}}`
  }
  const prototype = Object.getPrototypeOf(value)
  const kind = prototype === null ? 'null' : prototype === Object.prototype ? '' : 'other'
  const properties = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${fingerprint(item)}`)
  return `${kind}{${properties.join()}}`
}
