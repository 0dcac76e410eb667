import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultMaxParallelism, keyGroupOf, keyGroupRange, subtaskOfKeyGroup } from '../../src/key/key-group.ts'

test('the default maximum parallelism is as documented', () => {
  const table = [
    [1, 128],
    [85, 128],
    [86, 256],
    [170, 256],
    [171, 512],
    [1_000, 2_048],
    [21_845, 32_768],
    [32_768, 32_768],
  ] as const
  for (const [parallelism, expected] of table) assert.equal(defaultMaxParallelism(parallelism), expected)
})

test('the ranges of all subtasks cover every key group once, and agree with the owner of each', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 1_000 }), (parallelism, maxParallelism) => {
      let next = 0
      for (let subtask = 0; subtask < parallelism; subtask++) {
        const { first, last } = keyGroupRange(subtask, parallelism, maxParallelism)
        assert.equal(first, next)
        for (let group = first; group <= last; group++) {
          assert.equal(subtaskOfKeyGroup(group, parallelism, maxParallelism), subtask)
        }
        next = last + 1
      }
      assert.equal(next, maxParallelism)
    }),
  )
})

test('key groups lie within their limit', () => {
  for (let i = 0; i < 1_000; i++) {
    const group = keyGroupOf(`k${i}`, 100)
    assert.ok(group >= 0 && group < 100)
  }
})
