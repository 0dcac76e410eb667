import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeKey } from '../../src/key/key-encoding.ts'
import { hashKey } from '../../src/key/key-hash.ts'
import { compileKeySelector } from '../../src/key/key-selector.ts'
import { toMapKey } from '../../src/key/map-key.ts'

const circle: unknown[] = []
circle.push(circle)

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  [undefined, /^The key is undefined/],
  [Number.NaN, /^The key is NaN/],
  [() => 1, /^The key is a function/],
  [Symbol('s'), /^The key is a symbol/],
  [new Date(0), /^The key is an instance of Date/],
  [new Map(), /^The key is an instance of Map/],
  [new Uint8Array(1), /^The key is an instance of Uint8Array/],
  [{ a: { b: undefined } }, /^The key\.a\.b is undefined/],
  [[1, Number.NaN], /^The key\[1\] is NaN/],
  [new Array(2), /^The key\[0\] is undefined/],
  [circle, /nested deeper than 32 levels or in a circle/],
]

test('what is no key is refused, and named', () => {
  for (const [key, message] of REFUSED) {
    for (const use of [encodeKey, hashKey, toMapKey]) {
      assert.throws(() => use(key), { code: 'KEY_INVALID', message }, use.name)
    }
  }
})

test('a selector reads its field, and names it where there are none', () => {
  const keyOf = compileKeySelector({ kind: 'field', field: 'user' })
  assert.equal(keyOf({ user: 1 }), 1)
  assert.equal(keyOf({ usr: 2 }), undefined)
  assert.throws(() => keyOf(null), {
    code: 'KEY_INVALID',
    message: /^A record is null, so it has no field 'user'/,
  })
  assert.throws(() => keyOf(undefined), { code: 'KEY_INVALID' })
})

test("an error of the user's function comes through as it is", () => {
  const failure = new Error('mine')
  const keyOf = compileKeySelector({
    kind: 'function',
    select: () => {
      throw failure
    },
  })
  assert.throws(
    () => keyOf(1),
    (error) => error === failure,
  )
})

test('field names are never code', () => {
  const field = '"]); globalThis.broken = true; //'
  const keyOf = compileKeySelector({ kind: 'field', field })
  assert.equal(keyOf({ [field]: 3 }), 3)
  assert.equal((globalThis as { broken?: boolean }).broken, undefined)
})
