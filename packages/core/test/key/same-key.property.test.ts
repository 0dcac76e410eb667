import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { canonicalKey, encodeKey } from '../../src/key/key-encoding.ts'
import { isSameKey } from '../../src/key/same-key.ts'
import { anyKey } from './key-arbitrary.ts'

const areEqualBytes = (a: unknown, b: unknown): boolean => Buffer.compare(encodeKey(a), encodeKey(b)) === 0

test('keys are the same exactly when their bytes are', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      assert.equal(isSameKey(canonicalKey(a), b), areEqualBytes(a, b))
      assert.equal(isSameKey(canonicalKey(a), a), true)
    }),
    { numRuns: 2_000 },
  )
})

test('forms of one key are the same, near ones are not', () => {
  const nothing: unknown = Object.create(null)
  for (const [canonical, key, expected] of [
    [0, -0, true],
    [[0], [-0], true],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
    [{}, nothing, true],
    [1, '1', false],
    [1, 1n, false],
    [[], {}, false],
    [{}, [], false],
    [null, {}, false],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: 1 }, { toString: 1 }, false],
    [{ toString: 1 }, { a: 1 }, false],
    [[1, 2], [1], false],
    [[1], [1, 2], false],
    [{ 0: 1 }, [1], false],
  ]) {
    assert.equal(isSameKey(canonical, key), expected, `${inspect(canonical)} ${inspect(key)}`)
  }
})
