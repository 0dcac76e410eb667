import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DistinctValues } from '@millrace/api'
import { estimateBytes } from '../../../src/state/heap/bytes-estimate.ts'

test('different values count with all that they hold', () => {
  const values = new DistinctValues()
  for (let i = 0; i < 20_000; i++) values.add(i)
  assert.ok(estimateBytes([3, values]) > 160_000)
})
