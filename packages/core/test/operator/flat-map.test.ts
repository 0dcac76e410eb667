import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createOperator } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import { nodeOf } from './operator-nodes.ts'

type FlatMap = (record: never) => Iterable<unknown>

const open = (flatMap: FlatMap, options: OperatorHarnessOptions = {}) =>
  new OperatorHarness(createOperator(nodeOf({ kind: 'flatMap', flatMap: flatMap as never })), options)

describe('flatMap', () => {
  it('emits each result with the timestamp of its record', () => {
    const harness = open((n: number) => Array.from({ length: n }, (_, index) => n * 10 + index))
    harness.processBatch({ records: [2, 0, 1], timestamps: [5, 6, 7], keyHashes: undefined })
    assert.deepEqual(harness.output, [
      { record: 20, timestamp: 5 },
      { record: 21, timestamp: 5 },
      { record: 10, timestamp: 7 },
    ])
  })

  it('draws from an iterable only while there is room', () => {
    let drawn = 0
    const emitted: number[] = []
    const output = {
      emit: () => emitted.push(1),
      get isFull() {
        return emitted.length >= 3
      },
    }
    const operator = createOperator(
      nodeOf({
        kind: 'flatMap',
        *flatMap() {
          for (;;) yield drawn++
        },
      }),
    )
    const harness = open(() => [])
    operator.open({ ...harness.host, output } as never)
    const batch = { records: [1], timestamps: [1], keyHashes: undefined }
    assert.equal(operator.processBatch(batch, 0, { units: 100 }), 0)
    assert.equal(drawn, 3)
    emitted.length = 0
    assert.equal(operator.processBatch(batch, 0, { units: 2 }), 0)
    assert.equal(drawn, 5)
    operator.close()
  })

  it('closes an iterator that it does not finish', () => {
    let isClosed = false
    const operator = createOperator(
      nodeOf({
        kind: 'flatMap',
        *flatMap() {
          try {
            for (;;) yield 1
          } finally {
            isClosed = true
          }
        },
      }),
    )
    operator.open(open(() => []).host)
    operator.processBatch({ records: [1], timestamps: [1], keyHashes: undefined }, 0, { units: 5 })
    operator.close()
    assert.equal(isClosed, true)
  })

  for (const options of [{ outputRoomRecords: 1 }, { unitsPerTurn: 1 }, { outputRoomRecords: 2, unitsPerTurn: 3 }]) {
    it(`loses and repeats nothing with ${JSON.stringify(options)}`, () => {
      const harness = open((n: number) => [n, n + 0.5], options)
      harness.processBatch({ records: [1, 2, 3], timestamps: [1, 2, 3], keyHashes: undefined })
      assert.deepEqual(
        harness.output.map(({ record }) => record),
        [1, 1.5, 2, 2.5, 3, 3.5],
      )
    })
  }

  it('says what was returned when it is not iterable', () => {
    for (const [returned, message] of [
      [undefined, /"operator".*undefined.*not iterable/],
      [Promise.reject(new Error('nobody waits for it')), /a promise/],
      [(async function* () {})(), /an async iterable/],
      [5, /type number/],
    ] as const) {
      const harness = open((() => returned) as never)
      assert.throws(() => harness.processRecord(1, 1), { code: 'USER_FUNCTION_FAILED', message })
    }
  })

  it('wraps an error of a generator, with its cause', () => {
    const cause = new Error('halfway')
    const harness = open(function* () {
      yield 1
      throw cause
    })
    assert.throws(() => harness.processRecord(1, 1), { code: 'USER_FUNCTION_FAILED', cause })
  })
})
