import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeKey } from '../../src/key/key-encoding.ts'
import { keyGroupOf } from '../../src/key/key-group.ts'
import { hashEncodedKey, hashKey } from '../../src/key/key-hash.ts'

/**
 * Computed by another implementation of MurmurHash3, in another language. Stored state depends on every one of these:
 * a change that needs a new number here loses the state of every job.
 */
const GOLDEN: readonly (readonly [unknown, number])[] = [
  [null, 1364076727],
  [false, 821347078],
  [true, -2047822809],
  [0, -27770521],
  [-0, -27770521],
  [1, -672062263],
  [-1, -1660710678],
  [42, 1672487297],
  [2147483647, -438373755],
  [-2147483648, -853567367],
  [0.5, 990766773],
  [2147483648, 2103795402],
  [1.7e12, -2087390650],
  [Number.POSITIVE_INFINITY, 248698732],
  [Number.NEGATIVE_INFINITY, -1273939170],
  [-1e-300, -241322811],
  ['', 1228498187],
  ['a', 39268681],
  ['ab', -902683440],
  ['abc', -1002583805],
  ['abcd', -433616139],
  ['ATL', 802961267],
  ['user-12345', 1536547610],
  ['café', -1005256608],
  ['Ā', 1205363905],
  ['日本語', -1357994595],
  ['aĀ', 1046496109],
  ['😀', 10128457],
  ['\ud800', -195038655],
  [0n, 415870660],
  [1n, -185784080],
  [-300n, 1297219390],
  [2n ** 64n, -1788521573],
  [[], -1818165756],
  [[1, 'a'], -1079651269],
  [{}, -383449968],
  [{ b: 1, a: null }, 1772328189],
]

test('hashes never change', () => {
  for (const [key, hash] of GOLDEN) {
    assert.equal(hashKey(key), hash, String(key))
    assert.equal(hashEncodedKey(encodeKey(key)), hash, String(key))
  }
})

test('encodings never change', () => {
  const hex = (key: unknown) => Buffer.from(encodeKey(key)).toString('hex')
  assert.equal(hex(null), '01')
  assert.equal(hex(-2), '04feffffff')
  assert.equal(hex(0.5), '05000000000000e03f')
  assert.equal(hex(-300n), '07022c01')
  assert.equal(hex('é'), '0801e9')
  assert.equal(hex('Ā'), '09010001')
  assert.equal(hex({ b: [true], a: 'x' }), '0b02080161080178080162' + '0a0103')
})

test('keys of every kind spread evenly over the key groups', () => {
  const kinds: readonly (readonly [string, (i: number) => unknown])[] = [
    ['sequential integers', (i) => i],
    ['multiples of 128', (i) => i * 128],
    ['timestamps by the hour', (i) => 1_700_000_000_000 + i * 3_600_000],
    ['fractions', (i) => i / 8],
    ['numbered strings', (i) => `user-${i}`],
    ['bigints', (i) => BigInt(i)],
    ['objects', (i) => ({ shop: i % 10, item: i })],
  ]
  const keys = 100_000
  for (const [name, keyOf] of kinds) {
    const counts = new Array<number>(128).fill(0)
    for (let i = 0; i < keys; i++) {
      const group = keyGroupOf(keyOf(i), 128)
      counts[group] = (counts[group] as number) + 1
    }
    // Chi-squared with 127 degrees of freedom: below 200 except once in 50,000 times for a random function.
    const expected = keys / 128
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    assert.ok(chiSquared < 200, `${name}: ${chiSquared}`)
  }
})
