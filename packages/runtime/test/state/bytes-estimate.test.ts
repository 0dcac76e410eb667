import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DistinctValues } from '@millrace/api'
import { estimateBytes } from '../../src/state/bytes-estimate.ts'

test('different values count with all that they hold', () => {
  const values = new DistinctValues()
  for (let i = 0; i < 20_000; i++) values.add(i)
  assert.ok(estimateBytes([3, values]) > 160_000)
})

test('an array of numbers counts with an object for each fraction', () => {
  for (const numbers of [
    [],
    [1, 2, 3],
    [0.5, 1, Number.NaN, -0],
    Array.from({ length: 63 }, (_, index) => index / 2),
  ]) {
    assert.equal(
      estimateBytes(numbers),
      24 + numbers.length * 8 + numbers.filter((n) => !Number.isInteger(n)).length * 16,
    )
  }
  assert.ok(estimateBytes([1, 'text']) > estimateBytes([1, 2]))
})
