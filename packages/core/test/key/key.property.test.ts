import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { MillraceError } from '@millrace/api'
import fc from 'fast-check'
import { canonicalKey, decodeKey, encodeKey } from '../../src/key/key-encoding.ts'
import { hashEncodedKey, hashKey } from '../../src/key/key-hash.ts'
import { toMapKey } from '../../src/key/map-key.ts'
import { anyKey, areSameKey, disguise } from './key-arbitrary.ts'

const hex = (key: unknown) => Buffer.from(encodeKey(key)).toString('hex')

test('a key comes back from its encoding', () => {
  fc.assert(fc.property(anyKey, (key) => areSameKey(decodeKey(encodeKey(key)), key)))
})

test('a canonical key is what its encoding would give, to the order of properties and the sign of zero', () => {
  const shown = (key: unknown) => inspect(key, { depth: null, sorted: false, compact: true })
  fc.assert(
    fc.property(anyKey, (key) => {
      for (const each of [key, disguise(key)]) {
        const canonical = canonicalKey(each)
        assert.equal(shown(canonical), shown(decodeKey(encodeKey(each))))
        assert.deepEqual(canonical, decodeKey(encodeKey(each)))
        if (typeof each === 'object' && each !== null) assert.notEqual(canonical, each)
      }
    }),
    { numRuns: 1_000, examples: [[-0], [[-0, { b: 1, a: -0 }]]] },
  )
})

test('encodings are equal exactly when the keys are', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      assert.equal(hex(a) === hex(b), areSameKey(a, b))
      assert.equal(hex(disguise(a)), hex(a))
      assert.equal(hex(decodeKey(encodeKey(a))), hex(a))
    }),
    { numRuns: 500 },
  )
})

test('the fast hash is the hash of the encoding', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      assert.equal(hashKey(key), hashEncodedKey(encodeKey(key)))
      assert.equal(hashKey(disguise(key)), hashKey(key))
    }),
    { numRuns: 1_000 },
  )
})

test('map keys are equal exactly when the encodings are', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      assert.equal(new Set([toMapKey(a), toMapKey(b)]).size === 1, hex(a) === hex(b))
      assert.equal(new Set([toMapKey(a), toMapKey(disguise(a))]).size, 1)
    }),
    { numRuns: 500, examples: [['\u0000k\u000a\u0000', []]] },
  )
})

test('damaged bytes give a key or BYTES_DAMAGED, nothing else', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })
  fc.assert(
    fc.property(
      fc.oneof(anyKey.map(encodeKey), fc.uint8Array({ maxLength: 40 })),
      damage,
      fc.nat(),
      (intact, changes, cut) => {
        const bytes = intact.slice(0, cut % 2 === 0 ? intact.length : cut % (intact.length + 1))
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte
        let key: unknown
        try {
          key = decodeKey(bytes)
        } catch (error) {
          assert.ok(error instanceof MillraceError && error.code === 'BYTES_DAMAGED', String(error))
          return
        }
        encodeKey(key)
      },
    ),
    { numRuns: 1_000 },
  )
})
