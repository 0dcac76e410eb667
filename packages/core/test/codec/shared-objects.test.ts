import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { copyValue } from '../../src/codec/copy-value.ts'
import { compareObjects, type Sharing } from '../../src/codec/shared-objects.ts'

const inner = { n: 1 }
const bytes = new Uint8Array(8)
const many = Array.from({ length: 1_000 }, (_, n) => n)

const cases: readonly (readonly [string, unknown, unknown, Sharing])[] = [
  ['the same primitive values', ['text', 1n, null], ['text', 1n, null], 'none'],
  ['a value and itself', inner, inner, 'some'],
  ['a primitive and an object', 1, { n: 1 }, 'none'],
  ['a part of the other', inner, { list: [{ inner }] }, 'some'],
  ['the other within', { list: [{ inner }] }, inner, 'some'],
  ['a part of both, in other places', [[inner]], { here: { inner } }, 'some'],
  ['a value of a Map', new Map([['a', inner]]), [inner], 'some'],
  ['a key of a Map', new Map([[inner, 1]]), [inner], 'some'],
  ['an item of a Set', new Set([inner]), [inner], 'some'],
  ['views of the same bytes', [bytes.subarray(1)], { bytes }, 'some'],
  ['equal objects', { a: { n: 1 } }, { a: { n: 1 } }, 'none'],
  ['long ones that share what comes first', [inner, ...many], [inner, ...many], 'some'],
  ['long ones', many, [...many], 'unknown'],
  ['a short one and a long one', [1], new Set(many), 'unknown'],
]

describe('compareObjects', () => {
  for (const [name, a, b, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      assert.equal(compareObjects(a, b), expected)
      assert.equal(compareObjects(b, a), expected)
    })
  }

  it('comes to an end in a circle', () => {
    const circle: unknown[] = []
    circle.push(circle)
    assert.equal(compareObjects(circle, [1]), 'none')
    assert.equal(compareObjects([[1]], circle), 'unknown')
  })
})

describe('copyValue', () => {
  it('gives an equal value with no object in common, also of bytes', () => {
    const value = { list: [inner, new Map([[1, new Set([new Date(5)])]])], bytes: new Uint8Array([1, 2, 3]), n: -0 }
    const copy = copyValue(value, 'value')
    // What follows must not change it.
    copyValue({ bytes: new Uint8Array(100) }, 'value')
    assert.deepEqual(copy, value)
    assert.equal(compareObjects(copy, value), 'none')
  })

  it('refuses what cannot be encoded, by name', () => {
    assert.throws(() => copyValue({ act() {} }, 'result'), { code: 'VALUE_NOT_ENCODABLE', message: /^result\.act/ })
  })
})
