import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogicalNode } from '@millrace/api'
import { createOperator, keyGroupOf, subtaskOfKeyGroup } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions, SegmentChains } from '@millrace/testing'
import {
  collectMergeable,
  collectSingly,
  combined,
  sliding,
  sumInPlace,
  tumbling,
  type WindowResult,
  windowedReduce,
  windowNode,
} from './operator-nodes.ts'

const open = (node: LogicalNode, options: OperatorHarnessOptions = {}) =>
  new OperatorHarness(createOperator(node), options)

/** `key[start,end)=values @timestamp`. */
function shown(harness: OperatorHarness): string[] {
  return harness.drainOutput().map(({ record, timestamp }) => {
    const { key, start, end, values } = record as WindowResult
    return `${key}[${start},${end})=${values} @${timestamp}`
  })
}

/** Values are their timestamps. */
function feed(harness: OperatorHarness, ...records: [key: string, timestamp: number][]): void {
  for (const [key, timestamp] of records) harness.processRecord({ key, value: timestamp }, timestamp)
}

for (const [form, aggregate] of [
  ['merging', collectMergeable],
  ['not merging', collectSingly],
] as const) {
  describe(`windows, ${form}`, () => {
    it('fires when the watermark reaches the maximum timestamp, with that timestamp', () => {
      const harness = open(windowNode(tumbling(10), aggregate))
      feed(harness, ['a', 1], ['b', 9], ['a', 5], ['a', 10])
      harness.advanceWatermark(8)
      assert.deepEqual(shown(harness), [])
      harness.advanceWatermark(9)
      assert.deepEqual(shown(harness), ['a[0,10)=1,5 @9', 'b[0,10)=9 @9'])
      harness.advanceWatermark(18)
      assert.deepEqual(shown(harness), [])
      harness.end()
      assert.deepEqual(shown(harness), ['a[10,20)=10 @19'])
    })

    it('handles negative timestamps and offsets', () => {
      const harness = open(windowNode(tumbling(10, 3), aggregate))
      feed(harness, ['a', -8], ['a', -7], ['a', 2], ['a', 3])
      harness.end()
      assert.deepEqual(shown(harness), ['a[-17,-7)=-8 @-8', 'a[-7,3)=-7,2 @2', 'a[3,13)=3 @12'])
    })

    it('gives each sliding window its records, in order of their ends', () => {
      const harness = open(windowNode(sliding(10, 5), aggregate))
      feed(harness, ['a', 2], ['a', 7], ['a', 12])
      harness.end()
      assert.deepEqual(shown(harness), ['a[-5,5)=2 @4', 'a[0,10)=2,7 @9', 'a[5,15)=7,12 @14', 'a[10,20)=12 @19'])
    })

    it('fires sliding windows whose size is no multiple of the slide', () => {
      const harness = open(windowNode(sliding(5, 3), aggregate))
      feed(harness, ['a', 0], ['a', 4], ['a', 5])
      harness.end()
      assert.deepEqual(shown(harness), ['a[-3,2)=0 @1', 'a[0,5)=0,4 @4', 'a[3,8)=4,5 @7'])
    })

    it('counts records in the gaps between windows', () => {
      const harness = open(windowNode(sliding(2, 10), aggregate))
      feed(harness, ['a', 1], ['a', 5], ['a', 10])
      harness.end()
      assert.deepEqual(shown(harness), ['a[0,2)=1 @1', 'a[10,12)=10 @11'])
      assert.equal(harness.counter('numRecordsOutsideWindows'), 1)
    })

    it('sends what is late for all its windows to the side output and counts it', () => {
      const harness = open(windowNode(tumbling(10), aggregate))
      harness.advanceWatermark(8)
      feed(harness, ['a', 3])
      harness.advanceWatermark(9)
      feed(harness, ['a', 4], ['a', 10])
      harness.end()
      assert.deepEqual(shown(harness), ['a[0,10)=3 @9', 'a[10,20)=10 @19'])
      assert.deepEqual(harness.sideOutput('late'), [{ record: { key: 'a', value: 4 }, timestamp: 4 }])
      assert.equal(harness.counter('numLateRecords'), 1)
    })

    it('updates a fired window within the allowed lateness, then closes it', () => {
      const harness = open(windowNode(tumbling(10), aggregate, 5))
      feed(harness, ['a', 1], ['b', 2])
      harness.advanceWatermark(9)
      shown(harness)
      feed(harness, ['a', 3])
      assert.deepEqual(shown(harness), ['a[0,10)=1,3 @9'])
      harness.advanceWatermark(13)
      feed(harness, ['c', 4])
      assert.deepEqual(shown(harness), ['c[0,10)=4 @9'])
      harness.advanceWatermark(14)
      feed(harness, ['a', 5])
      assert.deepEqual(shown(harness), [])
      assert.equal(harness.counter('numLateRecords'), 1)
    })

    it('decides lateness per sliding window', () => {
      const harness = open(windowNode(sliding(10, 5), aggregate))
      feed(harness, ['a', 6])
      harness.advanceWatermark(9)
      assert.deepEqual(shown(harness), ['a[0,10)=6 @9'])
      // Late for [0,10), in time for [5,15).
      feed(harness, ['a', 7])
      assert.equal(harness.counter('numLateRecords'), 0)
      harness.end()
      assert.deepEqual(shown(harness), ['a[5,15)=6,7 @14'])
    })

    it('updates every fired sliding window that is still open', () => {
      const harness = open(windowNode(sliding(10, 5), aggregate, 7))
      feed(harness, ['a', 6])
      harness.advanceWatermark(15)
      assert.deepEqual(shown(harness), ['a[0,10)=6 @9', 'a[5,15)=6 @14'])
      feed(harness, ['a', 7])
      assert.deepEqual(shown(harness), ['a[0,10)=6,7 @9', 'a[5,15)=6,7 @14'])
      harness.advanceWatermark(16)
      feed(harness, ['a', 8])
      assert.deepEqual(shown(harness), ['a[5,15)=6,7,8 @14'])
    })

    it('keeps no state behind', () => {
      const harness = open(windowNode(sliding(10, 5), aggregate, 3))
      for (let i = 0; i < 100; i++) feed(harness, [`k${i}`, i])
      harness.end()
      const held = harness.backend.usage().filter(({ name }) => name !== '_window-progress')
      assert.deepEqual(
        held.map(({ entries }) => entries),
        held.map(() => 0),
      )
    })

    it('leaps over a long time without windows', () => {
      const harness = open(windowNode(sliding(10, 1), aggregate))
      feed(harness, ['a', 0], ['a', 1e14])
      harness.advanceWatermark(2e14)
      assert.equal(shown(harness).length, 20)
    })

    it('stops when the output is full or the budget is used up, and goes on', () => {
      const run = (options: OperatorHarnessOptions) => {
        const harness = open(windowNode(sliding(10, 5), aggregate, 20), options)
        for (let i = 0; i < 40; i++) feed(harness, [`k${i % 7}`, i])
        harness.advanceWatermark(24)
        for (let i = 0; i < 10; i++) feed(harness, [`k${i}`, 12])
        harness.end()
        return shown(harness)
      }
      const whole = run({})
      assert.deepEqual(run({ outputRoomRecords: 1 }), whole)
      assert.deepEqual(run({ unitsPerTurn: 1 }), whole)
      assert.deepEqual(run({ outputRoomRecords: 2, unitsPerTurn: 3 }), whole)
    })

    it('does not fire again after a restore what had fired, and goes on with the rest', () => {
      const first = open(windowNode(sliding(10, 5), aggregate, 4))
      feed(first, ['a', 6], ['b', 7])
      first.advanceWatermark(10)
      assert.deepEqual(shown(first), ['a[0,10)=6 @9', 'b[0,10)=7 @9'])
      const restored = open(windowNode(sliding(10, 5), aggregate, 4), { restore: first.snapshot() })
      restored.advanceWatermark(10)
      assert.deepEqual(shown(restored), [])
      feed(restored, ['a', 8])
      assert.deepEqual(shown(restored), ['a[0,10)=6,8 @9'])
      restored.end()
      assert.deepEqual(shown(restored), ['a[5,15)=6,8 @14', 'b[5,15)=7 @14'])
    })

    it('is as strict about late records after a restore, and emits nothing ahead of the watermark', () => {
      const first = open(windowNode(tumbling(10), aggregate, 5))
      feed(first, ['a', 1])
      first.advanceWatermark(14)
      feed(first, ['a', 15])
      shown(first)
      const restored = open(windowNode(tumbling(10), aggregate, 5), { restore: first.snapshot() })
      feed(restored, ['a', 2])
      assert.equal(restored.counter('numLateRecords'), 1)
      restored.advanceWatermark(19)
      assert.deepEqual(shown(restored), ['a[10,20)=15 @19'])
      const again = open(windowNode(tumbling(10), aggregate, 5), { restore: restored.snapshot() })
      feed(again, ['a', 16])
      assert.deepEqual(shown(again), [])
      again.advanceWatermark(18)
      assert.deepEqual(shown(again), [])
      again.advanceWatermark(19)
      assert.deepEqual(shown(again), ['a[10,20)=15,16 @19'])
    })

    it('goes on after a drained input with windows that were not there', () => {
      const first = open(windowNode(tumbling(10), aggregate))
      feed(first, ['a', 1])
      first.end()
      shown(first)
      const restored = open(windowNode(tumbling(10), aggregate), { restore: first.snapshot() })
      feed(restored, ['a', 2], ['a', 12])
      restored.end()
      assert.deepEqual(shown(restored), ['a[10,20)=12 @19'])
    })
  })
}

describe('windows, bad input', () => {
  for (const { name, record, timestamp, code } of [
    {
      name: 'no timestamp',
      record: { key: 'a' },
      timestamp: Number.NEGATIVE_INFINITY,
      code: 'EVENT_TIME_WITHOUT_WATERMARKS',
    },
    { name: 'a timestamp that is NaN', record: { key: 'a' }, timestamp: Number.NaN, code: 'TIMESTAMP_INVALID' },
    { name: 'no key', record: {}, timestamp: 1, code: 'KEY_INVALID' },
    { name: 'a key that is NaN', record: { key: Number.NaN }, timestamp: 1, code: 'KEY_INVALID' },
  ]) {
    it(`refuses ${name}, naming the operator`, () => {
      const harness = open(windowNode(tumbling(10), collectMergeable), { name: 'views', uid: 'v' })
      assert.throws(
        () => harness.processRecord(record, timestamp),
        (error: { code: string; details: object; message: string }) => {
          assert.equal(error.code, code)
          assert.match(error.message, /views/)
          assert.partialDeepStrictEqual(error.details, { operator: 'views', uid: 'v', subtask: 0 })
          return true
        },
      )
    })
  }

  it('keeps the cause of an error in user code', () => {
    const cause = new Error('no luck')
    const failing = {
      ...collectMergeable,
      result() {
        throw cause
      },
    }
    const harness = open(windowNode(tumbling(10), failing), { name: 'views' })
    feed(harness, ['a', 1])
    assert.throws(() => harness.advanceWatermark(9), { code: 'USER_FUNCTION_FAILED', message: /views.*no luck/, cause })
  })

  it('names an aggregate that returns no accumulator', () => {
    const harness = open(windowNode(tumbling(10), { ...collectMergeable, add: () => undefined }))
    assert.throws(() => feed(harness, ['a', 1]), { code: 'USER_FUNCTION_FAILED', message: /collect.*no accumulator/ })
  })
})

describe('windows of reduce', () => {
  it('refuse a function that returns nothing', () => {
    const harness = open(
      windowNode(
        tumbling(10),
        windowedReduce(() => undefined),
      ),
    )
    feed(harness, ['a', 1])
    assert.throws(() => feed(harness, ['a', 2]), { code: 'USER_FUNCTION_FAILED', message: /reduce returned undefined/ })
  })
})

describe('windows of an aggregate that gives out its accumulator', () => {
  const aggregate = combined({ total: sumInPlace })
  const totals = (harness: OperatorHarness) =>
    harness.drainOutput().map(({ record }) => (record as { values: { total: { n: number } } }).values.total)

  for (const developmentMode of [false, true]) {
    it(`each update has the result of its moment, development mode ${developmentMode}`, () => {
      const harness = open(windowNode(tumbling(10), aggregate, 100), { developmentMode })
      feed(harness, ['a', 1])
      harness.advanceWatermark(9)
      feed(harness, ['a', 2], ['a', 4])
      assert.deepEqual(totals(harness), [{ n: 1 }, { n: 3 }, { n: 7 }])
    })

    it(`a window's result does not change with the slices of later ones, development mode ${developmentMode}`, () => {
      const harness = open(windowNode(sliding(10, 5), aggregate), { developmentMode })
      feed(harness, ['a', 2])
      harness.advanceWatermark(4)
      const [first] = totals(harness)
      // Late for the window that has fired, not for the next.
      feed(harness, ['a', 3])
      assert.deepEqual(first, { n: 2 })
      harness.advanceWatermark(9)
      assert.deepEqual(totals(harness), [{ n: 5 }])
    })
  }
})

describe('windows, snapshots', () => {
  it('restore at another parallelism', () => {
    const node = windowNode(sliding(10, 5), collectMergeable)
    const parts = [0, 1, 2].map((subtask) => open(node, { subtask, parallelism: 3 }))
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
    const owner = (key: string) => parts[subtaskOfKeyGroup(keyGroupOf(key, 8), 3, 8)] as OperatorHarness
    for (const key of keys) feed(owner(key), [key, 3])
    const chains = SegmentChains.union(parts.map((part) => part.snapshot()))
    const restored = [0, 1].map((subtask) => open(node, { subtask, parallelism: 2, restore: chains }))
    for (const harness of restored) harness.end()
    const results = restored.flatMap(shown).sort()
    assert.deepEqual(results, keys.flatMap((key) => [`${key}[-5,5)=3 @4`, `${key}[0,10)=3 @9`]).sort())
  })
})
