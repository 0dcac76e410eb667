import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashKey } from '../../src/key/key-hash.ts'
import { RecordKey } from '../../src/operator/record-key.ts'
import type { KeyedStateBackend } from '../../src/state/state-backend.ts'

/** Notes which keys it was told to expect, and says of each chosen key whether it was among them. */
class ExpectingState {
  readonly maxParallelism = 128
  readonly announced: [number, number][] = []
  readonly unexpected: unknown[] = []
  readonly #expected = new Set<number>()

  expectKeys(keyHashes: readonly number[], from: number, to: number): void {
    this.announced.push([from, to])
    for (let i = from; i < to; i++) this.#expected.add(keyHashes[i] as number)
  }

  setCurrentKey(key: unknown, _keyGroup: number, keyHash: number): void {
    if (!this.#expected.has(keyHash)) this.unexpected.push(key)
  }
}

describe('RecordKey', () => {
  it('announces the keys of a batch before it chooses them, some at a time', () => {
    const state = new ExpectingState()
    const key = new RecordKey({ kind: 'field', field: 'id' }, state as unknown as KeyedStateBackend)
    const records = Array.from({ length: 300 }, (_, id) => ({ id }))
    const keyHashes = records.map(({ id }) => hashKey(id))
    for (const [index, record] of records.entries()) key.select(record, keyHashes, index)
    assert.deepEqual(state.unexpected, [])
    assert.deepEqual(state.announced, [
      [0, 128],
      [128, 256],
      [256, 300],
    ])
  })

  it('announces nothing where the batch has no hashes', () => {
    const state = new ExpectingState()
    const key = new RecordKey({ kind: 'field', field: 'id' }, state as unknown as KeyedStateBackend)
    assert.equal(key.select({ id: 5 }, undefined, 0), (hashKey(5) >>> 0) % 128)
    assert.deepEqual(state.announced, [])
    assert.deepEqual(state.unexpected, [5])
  })
})
