import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CombineKeys } from '../../src/combine/combine-keys.ts'
import { hashKey } from '../../src/key/key-hash.ts'
import { anyKey, areSameKey, disguise } from '../key/key-arbitrary.ts'

describe('CombineKeys', () => {
  it('numbers keys in the order in which they come, one key in whatever form', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 40 }), (keys) => {
        const numbered = new CombineKeys(1_000)
        const seen: unknown[] = []
        for (const key of [...keys, ...keys.map(disguise)]) {
          let expected = seen.findIndex((earlier) => areSameKey(earlier, key))
          if (expected < 0) expected = seen.push(key) - 1
          assert.equal(numbered.numberOf(key), expected)
        }
        assert.equal(numbered.count, seen.length)
        assert.deepEqual(numbered.keyHashes, seen.map(hashKey))
        seen.forEach((key, number) => void assert.ok(areSameKey(numbered.keys[number], key)))
      }),
      { numRuns: 500 },
    )
  })

  for (const [name, keyOf] of [
    ['whole numbers', (i: number) => i * 7],
    ['fractions', (i: number) => i + 0.5],
    ['texts', (i: number) => `key ${i}`],
    ['arrays', (i: number) => [i % 10, `${i}`]],
    ['objects', (i: number) => ({ shop: i % 10, item: i })],
  ] as const) {
    it(`has room for as many as it may have, and for others once it is cleared: ${name}`, () => {
      const most = 5_000
      const numbered = new CombineKeys(most)
      for (const first of [0, 3_000]) {
        for (let round = 0; round < 2; round++) {
          for (let i = 0; i < most; i++) assert.equal(numbered.numberOf(keyOf(first + i)), i)
        }
        assert.equal(numbered.numberOf(keyOf(first + most)), -1)
        assert.equal(numbered.numberOf(keyOf(first)), 0)
        numbered.clear()
        assert.equal(numbered.count, 0)
      }
    })
  }

  it('tells keys apart whose hashes are equal', () => {
    const byHash = new Map<number, unknown>()
    let met: readonly [unknown, unknown] | undefined
    for (let i = 0; met === undefined; i++) {
      const key = [i, 'x']
      const earlier = byHash.get(hashKey(key))
      if (earlier !== undefined) met = [earlier, key]
      byHash.set(hashKey(key), key)
    }
    const numbered = new CombineKeys(10)
    assert.deepEqual(
      [...met, ...met].map((key) => numbered.numberOf(key)),
      [0, 1, 0, 1],
    )
  })

  it('refuses what is no key', () => {
    const numbered = new CombineKeys(10)
    for (const refused of [undefined, Number.NaN, [undefined], { a: new Date(0) }, () => 1]) {
      for (let i = 0; i < 2; i++) assert.throws(() => numbered.numberOf(refused), { code: 'KEY_INVALID' })
    }
    assert.equal(numbered.count, 0)
  })
})
