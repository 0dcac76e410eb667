import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { hashKey, type PlanVertex, subtaskOfKeyGroup } from '@millrace/core'
import { hashRoute } from '../../src/slot/hash-route.ts'

const to = {
  id: 'v2',
  steps: [{ name: 'Count', uid: 'count' }],
  parallelism: 3,
  maxParallelism: 16,
} as unknown as PlanVertex

describe('hashRoute', () => {
  it('gives each key group to the subtask that owns it', () => {
    const { channelOfGroup } = hashRoute({ kind: 'field', field: 'id' }, to)
    assert.deepEqual(
      [...channelOfGroup],
      Array.from({ length: 16 }, (_, group) => subtaskOfKeyGroup(group, 3, 16)),
    )
  })

  it('hashes records one by one and together', () => {
    const { keyHashOf, keyHashesOf } = hashRoute({ kind: 'field', field: 'id' }, to)
    const records = [{ id: 1 }, { id: ['a', 2] }]
    assert.deepEqual(records.map(keyHashOf), [hashKey(1), hashKey(['a', 2])])
    assert.deepEqual(keyHashesOf(records), [hashKey(1), hashKey(['a', 2])])
  })

  it('names step and record where there is no key, one by one and together', () => {
    const { keyHashOf, keyHashesOf } = hashRoute({ kind: 'field', field: 'id' }, to)
    const wrong = { id: undefined, name: 'no id' }
    for (const hash of [() => keyHashOf(wrong), () => keyHashesOf([{ id: 1 }, wrong, { id: 2 }])]) {
      assert.throws(
        hash,
        (error) =>
          error instanceof MillraceError &&
          error.code === 'KEY_INVALID' &&
          error.details.keyedStepUid === 'count' &&
          String(error.details.record).includes('no id'),
      )
    }
  })
})
