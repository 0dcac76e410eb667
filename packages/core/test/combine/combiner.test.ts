import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  count,
  type KeySelector,
  max,
  type NodeSpec,
  sum,
  type WindowSpec,
} from '@millrace/api'
import { Combiner, hashKey } from '@millrace/core'
import { combined, sliding, tumbling, windowNode } from '../operator/operator-nodes.ts'

interface Partial {
  readonly key: unknown
  readonly end: number
  readonly accumulators: unknown[]
}

interface Options {
  readonly aggregate?: WindowSpec['aggregate']
  readonly assigner?: WindowSpec['assigner']
  readonly key?: KeySelector
  readonly keysMax?: number
}

function open(options: Options = {}) {
  const {
    aggregate = combined({ n: count() }),
    assigner = tumbling(10),
    key = { kind: 'field', field: 'key' },
  } = options
  const singles: unknown[] = []
  const partials: Partial[] = []
  const hashes: number[] = []
  const calls: string[] = []
  const combiner = new Combiner({
    spec: windowNode(assigner, aggregate).spec as NodeSpec & { kind: 'window' },
    key,
    receiver: { name: 'Counts', uid: 'counts' },
    subtask: 3,
    developmentMode: false,
    keysMax: options.keysMax,
    output: {
      single: (record) => void singles.push(record),
      beginPartials: () => void calls.push('begin'),
      partial(key, keyHash, end, columns, number) {
        partials.push({ key, end, accumulators: columns.map((column) => column[number]) })
        hashes.push(keyHash)
      },
      endPartials: () => void calls.push('end'),
    },
  })
  /** Takes [key, time, value] one after the other in one batch. */
  const take = (...records: readonly (readonly [unknown, number, number?])[]) =>
    combiner.take(
      records.map(([key, , value]) => ({ key, value })),
      records.map(([, at]) => at),
    )
  return { combiner, take, singles, partials, hashes, calls }
}

const byKey = (partials: readonly Partial[]) =>
  partials.map(({ key, end, accumulators }) => [key, end, ...accumulators])

describe('Combiner', () => {
  it('gives one partial result per slice and key, with the key group that the receiver expects', () => {
    const { combiner, take, partials, hashes, singles, calls } = open()
    take(['a', 1], ['b', 2], ['a', 3], ['a', 11], ['a', 4])
    assert.equal(combiner.isEmpty, false)
    combiner.flush()
    assert.deepEqual(byKey(partials), [
      ['a', 10, 3],
      ['b', 10, 1],
      ['a', 20, 1],
    ])
    assert.deepEqual(hashes, ['a', 'b', 'a'].map(hashKey))
    assert.deepEqual(singles, [])
    assert.deepEqual([combiner.recordsCombined, combiner.partialsOut, combiner.isEmpty], [5, 3, true])
    combiner.flush()
    assert.deepEqual(calls, ['begin', 'end'])
  })

  it('a watermark takes out only the slices whose windows it fires', () => {
    const { combiner, take, partials } = open({ assigner: sliding(20, 10) })
    take(['a', 1], ['a', 11], ['a', 21])
    combiner.advanceWatermark(8)
    assert.deepEqual(partials, [])
    combiner.advanceWatermark(9)
    assert.deepEqual(byKey(partials), [['a', 10, 1]])
    combiner.advanceWatermark(29)
    assert.deepEqual(byKey(partials).slice(1), [
      ['a', 20, 1],
      ['a', 30, 1],
    ])
  })

  it('records travel singly once a window of theirs has fired, before the restored time too, and outside of windows', () => {
    const { combiner, take, singles } = open({ assigner: { kind: 'sliding', sizeMs: 5, slideMs: 10, offsetMs: 0 } })
    combiner.restoreEventTime(4)
    take(['late', 1], ['gap', 7], ['open', 11])
    combiner.advanceWatermark(14)
    take(['late', 12], ['open', 21], ['none', Number.NEGATIVE_INFINITY], ['nan', Number.NaN])
    assert.deepEqual(
      singles.map((record) => (record as { key: string }).key),
      ['late', 'gap', 'late', 'none', 'nan'],
    )
    assert.equal(combiner.recordsCombined, 2)
  })

  it('keys are told apart as state tells them apart, whatever they are', () => {
    const { combiner, take, partials } = open()
    const keys = [0, -0, 1, '1', true, 1n, 2 ** 40, 1.5, null, { a: 1, b: 2 }, { b: 2, a: 1 }, [1, 2], '\0k', '']
    for (const key of keys) take([key, 1], [key, 2])
    combiner.flush()
    assert.deepEqual(
      partials.map(({ key, accumulators }) => [key, accumulators[0]]),
      [0, 1, '1', true, 1n, 2 ** 40, 1.5, null, { a: 1, b: 2 }, [1, 2], '\0k', ''].map((key) => [
        key,
        hashKey(key) === hashKey(0) || (typeof key === 'object' && key !== null && !Array.isArray(key)) ? 4 : 2,
      ]),
    )
  })

  it('numbers beyond 32 bits that come in runs keep their own results, however few there may be at once', () => {
    for (const keysMax of [1, 2, 10]) {
      const { combiner, take, partials } = open({ keysMax })
      const first = 1_700_000_000_000
      for (const runs of [
        [0, 0, 1, 1, 1, 0],
        [0, 2, 2, 0],
      ])
        take(...runs.map((n) => [first + n * 10, 1] as const))
      combiner.flush()
      const sums = new Map<unknown, number>()
      for (const { key, accumulators } of partials) sums.set(key, (sums.get(key) ?? 0) + (accumulators[0] as number))
      assert.deepEqual([...sums].sort(), [
        [first, 5],
        [first + 10, 3],
        [first + 20, 2],
      ])
    }
  })

  it('many whole numbers, negative ones and borders included, keep their own results', () => {
    const { combiner, partials } = open()
    const keys = Array.from({ length: 5_000 }, (_, i) => (i % 2 === 0 ? i * 65_536 : -i) | 0)
    keys.push(2 ** 31 - 1, -(2 ** 31))
    for (let round = 0; round < 3; round++) {
      combiner.take(
        keys.map((key) => ({ key })),
        keys.map(() => 1),
      )
    }
    combiner.flush()
    const expected = new Map<number, number>()
    for (const key of keys) expected.set(key, (expected.get(key) ?? 0) + 3)
    assert.deepEqual(new Map(partials.map(({ key, accumulators }) => [key, accumulators[0]])), expected)
  })

  it('accumulators that are no numbers, from the start or later, and those that begin with nothing', () => {
    const aggregate = combined({ big: sum('value'), most: max((row) => (row.value > 0 ? row.value : null)) })
    const { combiner, take, partials } = open({ aggregate })
    take(['a', 1, 2 ** 53 - 1], ['b', 1, -5], ['a', 2, 2 ** 53 - 1], ['b', 2, -5], ['c', 11, 1])
    combiner.flush()
    assert.deepEqual(byKey(partials), [
      ['a', 10, [2n ** 54n - 2n], 2 ** 53 - 1],
      ['b', 10, -10, undefined],
      ['c', 20, 1, 1],
    ])
  })

  it('holds no more keys than it may, and forgets none', () => {
    const { combiner, take, partials } = open({ keysMax: 2 })
    take(['a', 1], ['b', 1], ['a', 1], ['c', 1], ['a', 1])
    assert.deepEqual(byKey(partials), [
      ['a', 10, 2],
      ['b', 10, 1],
    ])
    combiner.flush()
    assert.deepEqual(byKey(partials).slice(2), [
      ['c', 10, 1],
      ['a', 10, 1],
    ])
  })

  it('forgets keys that are not used any more when a slice leaves, with what the others hold, and loses nothing', () => {
    const { combiner, partials } = open()
    const slice = (number: number, from: number, keys: number) =>
      combiner.take(
        Array.from({ length: keys * 2 }, (_, i) => ({ key: from + (i % keys) })),
        Array.from({ length: keys * 2 }, () => number * 10),
      )
    // Each slice has keys of its own; the next one is open when it leaves.
    let keysMost = 0
    for (let number = 0; number < 100; number++) {
      slice(number, number * 1_000, 1_000)
      combiner.advanceWatermark(number * 10 - 1)
      keysMost = Math.max(keysMost, combiner.keys.count)
    }
    combiner.flush()
    assert.ok(keysMost > 5_000 && keysMost <= 10_000, `${keysMost} keys`)
    const sums = new Map<unknown, number>()
    for (const { key, accumulators } of partials) sums.set(key, (sums.get(key) ?? 0) + (accumulators[0] as number))
    assert.equal(sums.size, 100_000)
    assert.ok([...sums.values()].every((sum) => sum === 2))
  })

  it('keeps the numbers of keys that come again in each slice, however many', () => {
    const { combiner } = open()
    for (let number = 0; number < 5; number++) {
      const keys = Array.from({ length: 60_000 }, (_, i) => i % 30_000)
      combiner.take(
        keys.map((key) => ({ key })),
        keys.map(() => number * 10),
      )
      combiner.advanceWatermark(number * 10 + 9)
      assert.equal(combiner.keys.count, 30_000)
    }
  })

  it('holds a bounded number of slices: the oldest leaves', () => {
    const { take, partials } = open()
    take(...Array.from({ length: 17 }, (_, i) => ['a', 165 - i * 10] as const))
    assert.deepEqual(byKey(partials), [['a', 20, 1]])
  })

  it('lets go of accumulators that may have grown large', () => {
    const { combiner, take, partials } = open({ aggregate: combined({ text: keepAll }) })
    const text = 'x'.repeat(1_000_000)
    for (let i = 0; i < 100 && partials.length === 0; i++) {
      combiner.take([{ key: 'a', value: text }], [1])
    }
    assert.equal(partials.length, 1)
    assert.ok(combiner.recordsCombined < 60, `${combiner.recordsCombined} records`)
    take(['a', 1])
  })

  it('stops where keys do not repeat, and tries again later', () => {
    const { combiner, singles, partials } = open()
    let next = 0
    const distinct = (records: number) => {
      const keys = Array.from({ length: records }, () => next++)
      combiner.take(
        keys.map((key) => ({ key })),
        keys.map(() => 1),
      )
      combiner.flush()
    }
    distinct(5_000)
    assert.equal(partials.length, 5_000)
    distinct(80_000)
    assert.deepEqual([partials.length, singles.length], [5_000, 80_000])
    const repeated = Array.from({ length: 10_000 }, (_, i) => ({ key: i % 10 }))
    combiner.take(
      repeated,
      repeated.map(() => 1),
    )
    combiner.flush()
    assert.deepEqual([partials.length, singles.length], [5_010, 80_000])
    combiner.stop()
    combiner.take([{ key: 1 }], [1])
    assert.equal(singles.length, 80_001)
  })

  it('where it stops, all leaves that it holds: singles must not overtake it, in whichever slice', () => {
    const { combiner, take, singles, partials } = open()
    take(['early', 11])
    const keys = Array.from({ length: 5_000 }, (_, i) => i)
    combiner.take(
      keys.map((key) => ({ key })),
      keys.map(() => 1),
    )
    combiner.advanceWatermark(9)
    assert.deepEqual(byKey(partials).slice(-1), [['early', 20, 1]])
    assert.equal(combiner.isEmpty, true)
    take(['early', 12])
    assert.equal(singles.length, 1)
  })

  it('stops within a batch that opens more slices than it may hold', () => {
    const { combiner, take, singles, partials } = open()
    const keys = Array.from({ length: 5_000 }, (_, i) => i)
    combiner.take(
      keys.map((key) => ({ key })),
      keys.map(() => 1),
    )
    take(...Array.from({ length: 16 }, (_, i) => ['a', i * 10 + 11] as const))
    assert.deepEqual([partials.length, singles.length], [5_015, 1])
    assert.equal(combiner.isEmpty, true)
  })

  it('errors of the aggregate name the step that it belongs to, in the words of that step', () => {
    const failing = (add: () => unknown): WindowSpec['aggregate'] =>
      combined({ n: { ...count(), add } as AggregateFunction<unknown, number, number> })
    const details = { operator: 'Counts', uid: 'counts', subtask: 3 }
    const thrower = open({
      aggregate: failing(() => {
        throw new Error('no')
      }),
    })
    assert.throws(() => thrower.take(['a', 1]), {
      code: 'USER_FUNCTION_FAILED',
      message: 'User code of operator "Counts" threw: no',
      details,
    })
    assert.throws(() => open({ aggregate: failing(() => undefined) }).take(['a', 1]), {
      code: 'USER_FUNCTION_FAILED',
      message: 'Operator "Counts": The aggregate "n" returned undefined.',
      details,
    })
    assert.throws(() => open({ aggregate: failing(() => Promise.resolve(1)) }).take(['a', 1]), {
      message: /^Operator "Counts": n\.add returned a promise/,
    })
    const whole: WindowSpec['aggregate'] = { ...count(), add: () => undefined as unknown as number }
    assert.throws(() => open({ aggregate: whole }).take(['a', 1]), {
      message: 'Operator "Counts": The aggregate "count" returned no accumulator.',
    })
  })

  it('errors of the key name keyBy and the record', () => {
    assert.throws(() => open().take([undefined, 1]), { code: 'KEY_INVALID', message: /keyBy\('key'\) for "Counts"/ })
    assert.throws(() => open().combiner.take([null], [1]), { code: 'KEY_INVALID', message: /so it has no field 'key'/ })
    const select = () => {
      throw new Error('no key')
    }
    assert.throws(() => open({ key: { kind: 'function', select } }).take(['a', 1]), {
      code: 'USER_FUNCTION_FAILED',
      message: /The key function of keyBy\(.*\) for "Counts" threw: no key/,
    })
  })

  it('refuses records that no channel could carry', () => {
    assert.throws(() => open().combiner.take([{ key: 'a', call: () => 1 }], [1]), { code: 'VALUE_NOT_ENCODABLE' })
  })

  it('keeps the order of ties: first and last go by arrival', () => {
    const { combiner, take, partials } = open({ aggregate: combined({ text: keepAll }) })
    take(['a', 1, 1], ['a', 1, 2])
    combiner.flush()
    take(['a', 1, 3])
    combiner.flush()
    assert.deepEqual(
      partials.map(({ accumulators }) => accumulators[0]),
      ['12', '3'],
    )
  })
})

const keepAll: AggregateFunction<{ value: unknown }, string, string> = {
  name: 'keepAll',
  create: () => '',
  add: (text, { value }) => text + value,
  result: (text) => text,
  merge: (into, other) => into + other,
}
