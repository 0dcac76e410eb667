/** Keys of every kind, and an equality that is written without the encoding. */
import fc from 'fast-check'
import { objectOf } from '../codec/value-arbitrary.ts'

const anyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', '1', '\u0000', '\u0000k\u0002', '\u0000s', '\u0000\u0000', '__proto__', '\ud800', 'ÿ', 'Ā'),
)

export const anyPrimitiveKey: fc.Arbitrary<unknown> = fc.oneof(
  anyString,
  fc.integer(),
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 31, -(2 ** 31), null),
  fc.boolean(),
  fc.bigInt(),
  fc.bigInt({ min: -3n, max: 3n }),
  fc.bigInt({ min: -(2n ** 100n), max: 2n ** 100n }),
)

export const anyKey: fc.Arbitrary<unknown> = fc.letrec<{ key: unknown }>((tie) => ({
  key: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: anyPrimitiveKey, weight: 3 },
    { arbitrary: fc.array(tie('key'), { maxLength: 3 }), weight: 1 },
    {
      arbitrary: fc
        .array(fc.tuple(fc.oneof(fc.constantFrom('a', 'b', '1', '__proto__'), anyString), tie('key')), { maxLength: 3 })
        .map((entries) => objectOf(entries, {})),
      weight: 1,
    },
  ),
})).key

/** Whether two keys are the same key, by the words of the documentation. */
export function areSameKey(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => areSameKey(item, b[i]))
  }
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) =>
        Object.hasOwn(b, name) &&
        areSameKey((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
    )
  )
}

/** The same key written differently: properties in reverse order, 0 for −0 and the reverse. */
export function disguise(key: unknown): unknown {
  if (key === 0) return Object.is(key, -0) ? 0 : -0
  if (Array.isArray(key)) return key.map(disguise)
  if (typeof key !== 'object' || key === null) return key
  const entries = Object.entries(key).map(([name, item]) => [name, disguise(item)] as const)
  return objectOf(entries.reverse(), {})
}
