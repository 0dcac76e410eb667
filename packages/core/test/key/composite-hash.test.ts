import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NumbersAt } from '../../src/codec/numbers-at.ts'
import { hashComposite, hashNumbers } from '../../src/key/composite-hash.ts'
import { encodeKey } from '../../src/key/key-encoding.ts'
import { hashEncodedKey, hashKey } from '../../src/key/key-hash.ts'

const nested = (depth: number): unknown => (depth === 0 ? 'within' : [nested(depth - 1)])
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i * 3)

describe('hashComposite', () => {
  // Each length of a string moves what follows to another place within a block.
  const keys: readonly (readonly [string, object])[] = [
    ...numbers(6).map((length) => [`a string of ${length}, then numbers`, ['x'.repeat(length), 7, -1.5]] as const),
    ['strings with units of two bytes', ['Ā', 'aĀ', '😀', 1]],
    ['numbers that are no integers', [0.1, -1e300, Number.POSITIVE_INFINITY, 2 ** 31]],
    ['−0', [-0, { zero: -0 }]],
    ['null and booleans', [null, true, false]],
    ['counts of two bytes', [numbers(127), numbers(128), 'y'.repeat(127), 'y'.repeat(300)]],
    ['properties out of order', { b: 1, a: { d: null, c: 'x' }, Ā: [] }],
    ['a prototype of its own name', JSON.parse('{"__proto__": 1, "a": 2}')],
    ['no prototype', Object.assign(Object.create(null), { b: 1, a: 2 })],
    ['nothing', []],
    ['no properties', {}],
  ]
  for (const [name, key] of keys) {
    it(`is that of the canonical bytes: ${name}`, () => {
      assert.equal(hashComposite(key), hashEncodedKey(encodeKey(key)))
      assert.equal(hashKey(key), hashComposite(key))
    })
  }

  for (const [name, key] of [
    ['a bigint', [1n]],
    ['a deep one', nested(20)],
    ['many properties', Object.fromEntries(numbers(200).map((n) => [`p${n}`, n]))],
  ] as const) {
    it(`leaves some keys to the encoding: ${name}`, () => {
      assert.equal(hashComposite(key as object), undefined)
      assert.equal(hashKey(key), hashEncodedKey(encodeKey(key)))
    })
  }

  it('is the same of numbers that stand in a typed array', () => {
    const typed = Float64Array.from([9, 0, -1, 0.1, 2 ** 31, Number.NEGATIVE_INFINITY, 7])
    for (let count = 0; count < 6; count++) {
      const array = [...typed.subarray(1, 1 + count)]
      assert.equal(hashNumbers(new NumbersAt(typed, 1, count)), hashEncodedKey(encodeKey(array)))
    }
    const many = new Float64Array(200).fill(3)
    assert.equal(hashNumbers(new NumbersAt(many, 0, 200)), hashKey([...many]))
  })

  it('is none of what is no key, and is not disturbed by it', () => {
    class Shop {
      readonly id = 1
    }
    const circle: unknown[] = []
    circle.push(circle)
    const before = hashComposite([1, 'a'])
    for (const refused of [[Number.NaN], [undefined], { a: new Shop() }, new Shop(), new Date(0), circle, [() => 1]]) {
      assert.equal(hashComposite(refused), undefined)
      assert.throws(() => hashKey(refused), { code: 'KEY_INVALID' })
    }
    class List extends Array {}
    assert.equal(hashComposite(List.from([1])), undefined)
    assert.equal(hashComposite([1, 'a']), before)
  })
})
