import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeySelector } from '@millrace/api'
import { compileKeyHashes, hashKey } from '../../src/index.ts'

describe('compileKeyHashes', () => {
  const records = [1, 'a', [1, 'b'], null].map((id) => ({ id }))
  const byField: KeySelector = { kind: 'field', field: 'id' }
  const byFunction: KeySelector = { kind: 'function', select: ({ id }) => id }

  for (const selector of [byField, byFunction]) {
    it(`appends the hash of each key, by ${selector.kind}`, () => {
      const hashes = [7]
      compileKeyHashes(selector)(records, hashes)
      assert.deepEqual(hashes, [7, ...records.map(({ id }) => hashKey(id))])
    })

    it(`has the hashes of the records before one without a key, by ${selector.kind}`, () => {
      for (const wrong of [{ id: undefined }, { id: Number.NaN }, { id: [new Date(0)] }]) {
        const hashes: number[] = []
        assert.throws(() => compileKeyHashes(selector)([...records, wrong, ...records], hashes), {
          code: 'KEY_INVALID',
        })
        assert.equal(hashes.length, records.length)
      }
    })
  }

  it('lets the error of a function through', () => {
    const cause = new Error('boom')
    const select = () => {
      throw cause
    }
    assert.throws(() => compileKeyHashes({ kind: 'function', select })([1], []), cause)
  })
})
