import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { count, type NodeSpec } from '@millrace/api'
import { OperatorHarness } from '@millrace/testing'
import { createOperator } from '../../src/index.ts'
import { hashKey } from '../../src/key/key-hash.ts'
import { RecordKey } from '../../src/operator/record-key.ts'
import type { KeyedStateBackend } from '../../src/state/state-backend.ts'
import { combined, nodeOf } from './operator-nodes.ts'

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

const byId = { kind: 'field', field: 'id' } as const
const loops: Readonly<Record<string, NodeSpec>> = {
  'a running fold': { kind: 'keyedAggregate', key: byId, aggregate: combined({ n: count() }), project: ({ n }) => n },
  'a process function': { kind: 'keyedProcess', key: byId, fn: { onRecord() {} } },
}

for (const [name, spec] of Object.entries(loops)) {
  describe(`the generated loop of ${name}`, () => {
    it('announces the keys of a batch before it chooses them, wherever its turn ends', () => {
      const announced: [number, number][] = []
      const unexpected: unknown[] = []
      const expected = new Set<unknown>()
      const { host } = new OperatorHarness(createOperator(nodeOf(spec)))
      const state = new Proxy(host.state, {
        get(backend, property) {
          if (property === 'expectKeys') {
            return (hashes: readonly number[], from: number, to: number) => {
              announced.push([from, to])
              for (const hash of hashes.slice(from, to)) expected.add(hash)
            }
          }
          if (property === 'setCurrentKey') {
            return (key: unknown, keyGroup: number, hash: number) => {
              if (!expected.has(hash)) unexpected.push(key)
              backend.setCurrentKey(key, keyGroup, hash)
            }
          }
          const value: unknown = Reflect.get(backend, property, backend)
          return typeof value === 'function' ? value.bind(backend) : value
        },
      })
      const operator = createOperator(nodeOf(spec))
      operator.open({ ...host, output: host.output, state })
      const records = Array.from({ length: 300 }, (_, id) => ({ id }))
      const keyHashes = records.map(({ id }) => hashKey(id))
      const batch = { records, timestamps: records.map(() => 0), keyHashes }
      let at = 0
      while (at < records.length) at = operator.processBatch(batch, at, { units: 100 })
      assert.deepEqual(unexpected, [])
      assert.deepEqual(announced, [
        [0, 128],
        [128, 256],
        [256, 300],
      ])
    })
  })
}
