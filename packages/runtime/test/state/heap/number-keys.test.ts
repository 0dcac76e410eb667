import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isKeyAt, keyReaderOf, writeKeyNumbers } from '../../../src/state/heap/number-keys.ts'

test('keys come back from where they stand, as canonical ones', () => {
  const anyNumber = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true }), fc.constant(-0))
  const anyNumbers = fc.array(anyNumber, { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.oneof(anyNumber, anyNumbers), fc.nat(9), (key, start) => {
      const width = Array.isArray(key) ? key.length : 0
      const numbers = new Float64Array(20).fill(-1)
      assert.equal(writeKeyNumbers(numbers, start, width, key), true)
      assert.deepEqual(keyReaderOf(width)(numbers, start), Array.isArray(key) ? key.map((n) => n + 0) : key + 0)
      assert.equal(isKeyAt(numbers, start, width, key), true)
      assert.equal(numbers.filter((n) => n === -1).length >= 20 - Math.max(1, width), true)
    }),
    { numRuns: 500 },
  )
})

test('keys of another width or with other parts are refused', () => {
  const numbers = Float64Array.from([1, 2])
  for (const [width, keys] of [
    [0, ['1', null, [1], { 0: 1 }]],
    [1, [1, '1', [], ['1'], [1, 2], { 0: 1, length: 1 }]],
    [2, [1, [1], [1, '2'], ['1', 2], [1, 2, 3], [1, [2]], [1, true], [1, null], [1, 2n]]],
  ] as const) {
    for (const key of keys) {
      assert.equal(isKeyAt(numbers, 0, width, key), false)
      assert.equal(writeKeyNumbers(numbers.slice(), 0, width, key), false)
    }
  }
})
