import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  mixBoolean,
  mixDouble,
  mixInteger,
  mixNull,
  mixString,
  ROW_START,
  RowDigest,
} from '../../bench/digest/row-digest.ts'

const INTEGERS = [0, 1, -1, 2_147_483_647, -2_147_483_648, 4_294_967_296, 2 ** 53 - 1, 1 - 2 ** 53, 1_436_918_400_000]
const DOUBLES = [
  0,
  0.1 + 0.2,
  -1 / 3,
  1e-12,
  123_456.789_012_345,
  9_999_999_999.5,
  1e10,
  2 / 3e-10,
  9.999_999_999_96e21,
]
const STRINGS = ['', 'a', 'ab', 'abc', 'Äöü', '😀', 'a longer text of several words']

describe('RowDigest', () => {
  // The digest of GoldenTest in bench/peers/flink too.
  it('is what other languages compute', () => {
    const digest = new RowDigest()
    for (const value of INTEGERS) digest.add(mixInteger(ROW_START, value))
    for (const value of DOUBLES) digest.add(mixDouble(ROW_START, value))
    for (const value of STRINGS) digest.add(mixString(ROW_START, value))
    digest.add(mixNull(mixBoolean(mixBoolean(ROW_START, true), false)))
    assert.equal(digest.toString(), 'd8876210476432b9')
    assert.equal(digest.rows, 26)
  })

  it('does not depend on order or on how rows are dealt out', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (values, at) => {
        const whole = digestOf(values)
        assert.equal(digestOf(values.toReversed()).toString(), whole.toString())
        const parts = digestOf(values.slice(0, at))
        parts.addAll(digestOf(values.slice(at)))
        assert.deepEqual([parts.toString(), parts.rows], [whole.toString(), whole.rows])
      }),
    )
  })

  it('tells rows that differ in one field, in the order of fields, or in how often they occur', () => {
    const rows = [mixInteger(mixInteger(ROW_START, 1), 2), mixInteger(mixInteger(ROW_START, 2), 1)]
    assert.notEqual(rows[0], rows[1])
    assert.notEqual(digestOf([5, 5]).toString(), digestOf([5]).toString())
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        if (a !== b) assert.notEqual(mixInteger(ROW_START, a), mixInteger(ROW_START, b))
      }),
    )
  })

  it('sees ten digits of a double', () => {
    assert.equal(mixDouble(ROW_START, 0.1 + 0.2), mixDouble(ROW_START, 0.3))
    assert.equal(mixDouble(ROW_START, 9_999_999_999.5), mixDouble(ROW_START, 1e10))
    assert.notEqual(mixDouble(ROW_START, 1.000_000_001), mixDouble(ROW_START, 1))
    assert.notEqual(mixDouble(ROW_START, 1), mixDouble(ROW_START, -1))
    assert.notEqual(mixDouble(ROW_START, 1), mixDouble(ROW_START, 10))
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e22, 1e-13]) {
      assert.throws(() => mixDouble(ROW_START, value), RangeError)
    }
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000_000_001, max: 9_999_999_998 }),
        fc.integer({ min: -12, max: 9 }),
        (digits, power) => {
          const value = Number(`${digits}e${power}`)
          if (value < 1e-12 || value >= 1e22) return
          const nudged = value * (1 + Number.EPSILON * 8)
          assert.equal(mixDouble(ROW_START, nudged), mixDouble(ROW_START, value))
          assert.notEqual(mixDouble(ROW_START, Number(`${digits + 1}e${power}`)), mixDouble(ROW_START, value))
        },
      ),
    )
  })
})

function digestOf(values: readonly number[]): RowDigest {
  const digest = new RowDigest()
  for (const value of values) digest.add(mixInteger(ROW_START, value))
  return digest
}
