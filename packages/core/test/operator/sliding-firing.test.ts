/** What the firing of overlapping windows costs and keeps, and that fractions round the same way whatever happened before. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AggregateFunction, aggregateFunction, type MillraceError, sum } from '@millrace/api'
import { createOperator, type MemoryHolder } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import { collectGreedily, combined, countGreedily, sliding, type WindowResult, windowNode } from './operator-nodes.ts'

interface Row {
  readonly key: string | { readonly id: number }
  readonly value: number
}

function open<A, R>(
  aggregate: AggregateFunction<Row, A, R>,
  sizeMs: number,
  slideMs: number,
  latenessMs: number,
  options: OperatorHarnessOptions = {},
): OperatorHarness {
  const operator = createOperator(windowNode(sliding(sizeMs, slideMs), aggregate, latenessMs))
  return new OperatorHarness(operator, { maxParallelism: 4, ...options })
}

/** Which merges there are, and in which order, shows in its last digits. */
const runningMean: AggregateFunction<Row, { n: number; mean: number }, number> = {
  name: 'runningMean',
  create: () => ({ n: 0, mean: 0 }),
  add: ({ n, mean }, { value }) => ({ n: n + 1, mean: mean + (value - mean) / (n + 1) }),
  result: ({ mean }) => mean,
  merge: (into, other) => {
    const n = into.n + other.n
    return { n, mean: n === 0 ? 0 : (into.mean * into.n + other.mean * other.n) / n }
  },
}

const runningMeanOfNumbers: AggregateFunction<Row, readonly [n: number, mean: number], number> = {
  name: 'runningMeanOfNumbers',
  create: () => [0, 0],
  add: ([n, mean], { value }) => [n + 1, mean + (value - mean) / (n + 1)],
  result: ([, mean]) => mean,
  merge: (into, other) => {
    const n = into[0] + other[0]
    return [n, n === 0 ? 0 : (into[0] * into[1] + other[0] * other[1]) / n]
  },
}

const valuesOf = (harness: OperatorHarness) =>
  harness.drainOutput().map(({ record }) => {
    const { key, end, values } = record as WindowResult
    return `${JSON.stringify(key)} ${end} ${values}`
  })

describe('overlapping windows', () => {
  it('take a bounded number of merges per key and window, however many slices there are', () => {
    for (const slices of [10, 100]) {
      let merges = 0
      const counting = aggregateFunction<Row, number[], number>({
        name: 'counting',
        create: () => [0],
        add: ([total], { value }) => [(total ?? 0) + value],
        result: ([total]) => total ?? 0,
        merge(into, [other]) {
          merges++
          into[0] = (into[0] ?? 0) + (other ?? 0)
          return into
        },
      })
      const harness = open(counting, slices, 1, 0)
      let results = 0
      for (let at = 0; at < slices * 10; at++) {
        harness.processRecord({ key: 'a', value: 1 }, at)
        harness.advanceWatermark(at)
        results += harness.drainOutput().length
      }
      assert.equal(results, slices * 10)
      assert.ok(merges <= results * 6, `${merges} merges for ${results} results over ${slices} slices`)
    }
  })

  for (const [name, aggregate, expected] of [
    ['alone', collectGreedily, ['0', '0,1', '0,1,2', '0,1,2,3', '1,2,3,4']],
    ['within another', combined({ own: collectGreedily }), ['0', '0,1', '0,1,2', '0,1,2,3', '1,2,3,4']],
    ['in a Map', countGreedily, ['0:1', '0:1,1:1', '0:2,1:1', '0:2,1:2', '0:2,1:2']],
  ] as const) {
    it(`leave slices as they are though merge takes them over, ${name}`, () => {
      const harness = open(aggregate as AggregateFunction<Row, unknown, unknown>, 40, 10, 0)
      const results: unknown[] = []
      for (let n = 0; n < 5; n++) {
        harness.processRecord({ key: 'a', value: n }, n * 10)
        harness.advanceWatermark(n * 10 + 9)
        for (const { record } of harness.drainOutput()) {
          const { values } = record as { values: unknown }
          results.push(typeof values === 'string' ? values : (values as { own: string }).own)
        }
      }
      assert.deepEqual(results, expected)
    })
  }

  it('refuse a merge that returns nothing', () => {
    const harness = open({ ...collectGreedily, merge: () => undefined as never }, 20, 10, 0)
    for (let n = 0; n < 2; n++) harness.processRecord({ key: 'a', value: n }, n * 10)
    assert.throws(() => harness.end(), { code: 'USER_FUNCTION_FAILED', message: /"collectGreedily" returned no/ })
  })

  for (const { title, rows, sizeMs, slideMs } of [
    {
      title: 'with records behind the watermark',
      rows: Array.from({ length: 60 }, (_, at) => ({
        row: { key: at % 7 === 0 ? 'b' : 'a', value: 0.1 + (at % 11) * 0.37 },
        // Every fifth is behind the watermark, in a slice that has fired before.
        at: at % 5 === 4 ? at - 4 : at,
      })),
      sizeMs: 11,
      slideMs: 2,
    },
    {
      title: 'of a key that changes nothing for a while',
      rows: Array.from({ length: 120 }, (_, at) => ({
        row: {
          key: at % 40 >= 10 && at % 40 < 30 && at % 3 === 0 ? 'a' : `other ${at}`,
          value: 0.1 + (at % 11) * 0.37,
        },
        at,
      })),
      sizeMs: 40,
      slideMs: 1,
    },
  ]) {
    it(`give the same fractions after a restore at any time, ${title}`, () => {
      const aggregate = sum<Row>('value') as AggregateFunction<Row, unknown, unknown>
      const run = (restartAt: number): string[] => {
        let harness = open(aggregate, sizeMs, slideMs, 0)
        const results: string[] = []
        rows.forEach(({ row, at }, index) => {
          if (index === restartAt) harness = open(aggregate, sizeMs, slideMs, 0, { restore: harness.snapshot() })
          harness.processRecord(row, at)
          harness.advanceWatermark(index)
          results.push(...valuesOf(harness))
        })
        harness.end()
        return [...results, ...valuesOf(harness)].sort()
      }
      const expected = run(-1)
      assert.ok(expected.length > 30)
      for (let restartAt = 1; restartAt < rows.length; restartAt += 3) assert.deepEqual(run(restartAt), expected)
    })

    for (const [form, aggregate] of [
      ['sums', sum<Row>('value') as AggregateFunction<Row, unknown, unknown>],
      ['objects', runningMean],
      ['numbers that a merge into nothing would round', runningMeanOfNumbers],
    ] as const) {
      it(`give the same fractions whatever is held, ${title}, as ${form}`, () => {
        const run = (heldBytes: number): string[] => {
          const harness = open(aggregate as AggregateFunction<Row, unknown, unknown>, sizeMs, slideMs, 0, {
            shareMemory: () => () => heldBytes,
          })
          rows.forEach(({ row, at }, index) => {
            harness.processRecord(row, at)
            harness.advanceWatermark(index)
          })
          harness.end()
          return valuesOf(harness).sort()
        }
        const expected = run(Number.POSITIVE_INFINITY)
        assert.ok(expected.length > 30)
        for (const heldBytes of [0, 4_000, 8_000, 30_000]) assert.deepEqual(run(heldBytes), expected)
      })
    }
  }

  it('give every key of a window once, when keys come and go by the thousand and output is full now and then', () => {
    const waves = 8
    const keys = 3_000
    const harness = open(sum<Row>('value') as AggregateFunction<Row, unknown, unknown>, 4, 1, 0, {
      outputRoomRecords: 1_000,
      unitsPerTurn: 700,
    })
    const results: string[] = []
    for (let wave = 0; wave < waves; wave++) {
      // A third of the keys of a wave were in the one before.
      for (let n = 0; n < keys; n++) harness.processRecord({ key: `k${wave * 2_000 + n}`, value: wave + 1 }, wave)
      harness.advanceWatermark(wave)
      results.push(...valuesOf(harness))
    }
    harness.end()
    results.push(...valuesOf(harness))
    const expected = new Map<string, number>()
    for (let wave = 0; wave < waves; wave++) {
      for (let n = 0; n < keys; n++) {
        for (let end = wave + 1; end <= wave + 4; end++) {
          const window = `"k${wave * 2_000 + n}" ${end}`
          expected.set(window, (expected.get(window) ?? 0) + wave + 1)
        }
      }
    }
    assert.deepEqual(results.sort(), [...expected].map(([window, value]) => `${window} ${value}`).sort())
  })

  for (const { what, text, heldBytes } of [
    { what: 'that is held', text: '', heldBytes: Number.POSITIVE_INFINITY },
    { what: 'that is too large to be held', text: 'x'.repeat(100), heldBytes: Number.POSITIVE_INFINITY },
    { what: 'for which there is no memory', text: '', heldBytes: 0 },
  ]) {
    it(`name the key ${what} when it cannot be merged`, () => {
      const failing = aggregateFunction<Row, { key: Row['key'] | undefined; text: string }, number>({
        name: 'failing',
        create: () => ({ key: undefined, text: '' }),
        add: (_, { key }) => ({ key, text }),
        result: () => 0,
        merge(into, other) {
          if (into.key === 'b' && other.key === 'b') throw new TypeError('not these two')
          return { ...other }
        },
      })
      const harness = open(failing, 10, 5, 0, { shareMemory: () => () => heldBytes })
      for (const at of [1, 6]) for (const key of ['a', 'b', 'c']) harness.processRecord({ key, value: 1 }, at)
      assert.throws(
        () => harness.advanceWatermark(20),
        (error: MillraceError) => /not these two/.test(error.message) && error.details.key === '"b"',
      )
    })
  }

  it('say what they hold, and let go of it with the last window', () => {
    const harness = open(sum<Row>('value') as AggregateFunction<Row, unknown, unknown>, 10, 1, 0)
    const held = () => harness.backend.usage().find(({ name }) => name === '_window-running')
    for (let id = 0; id < 100; id++) harness.processRecord({ key: `k${id}`, value: 1 }, 5)
    assert.equal(held()?.entries, 0)
    harness.advanceWatermark(8)
    assert.equal(held()?.entries, 100)
    assert.ok((held()?.bytesEstimate ?? 0) > 10_000)
    harness.processRecord({ key: 'other', value: 1 }, 100)
    harness.advanceWatermark(200)
    assert.equal(held()?.entries, 0)
  })

  it('let go of what they hold when they may hold no more, and read it from state then', () => {
    let holder: MemoryHolder | undefined
    const harness = open(sum<Row>('value') as AggregateFunction<Row, unknown, unknown>, 10, 1, 0, {
      shareMemory(given) {
        holder = given
        return () => Number.POSITIVE_INFINITY
      },
    })
    const held = () => harness.backend.usage().find(({ name }) => name === '_window-running')
    const expected = (end: number) => Array.from({ length: 100 }, (_, id) => `"k${id}" ${end} 2`).sort()
    for (let id = 0; id < 100; id++) {
      harness.processRecord({ key: `k${id}`, value: 1 }, 5)
      harness.processRecord({ key: `k${id}`, value: 1 }, 7)
    }
    harness.advanceWatermark(8)
    harness.drainOutput()
    assert.equal(held()?.entries, 100)
    assert.ok((holder?.claimedBytes ?? 0) > 10_000)
    holder?.limitTo(1_000)
    assert.equal(held()?.entries, 0)
    for (const watermark of [9, 10, 11]) {
      harness.advanceWatermark(watermark)
      assert.deepEqual(valuesOf(harness).sort(), expected(watermark + 1))
    }
  })

  it('hold keys again when there is room, with the slices that they had', () => {
    let bytes = 0
    const harness = open(sum<Row>('value') as AggregateFunction<Row, unknown, unknown>, 10, 1, 0, {
      shareMemory: () => () => bytes,
    })
    const held = () => harness.backend.usage().find(({ name }) => name === '_window-running')?.entries
    for (let at = 0; at < 8; at++) {
      if (at === 5) bytes = Number.POSITIVE_INFINITY
      harness.processRecord({ key: 'a', value: 1 }, at)
      harness.advanceWatermark(at)
      assert.equal(held(), at < 5 ? 0 : 1)
      assert.deepEqual(valuesOf(harness), [`"a" ${at + 1} ${at + 1}`])
    }
  })

  it('read a key that is not held as a whole, though a late record of it comes when there is room', () => {
    let bytes = 0
    const harness = open(sum<Row>('value') as AggregateFunction<Row, unknown, unknown>, 15, 5, 0, {
      shareMemory: () => () => bytes,
    })
    for (const at of [1, 6]) harness.processRecord({ key: 'a', value: 1 }, at)
    harness.advanceWatermark(9)
    assert.deepEqual(valuesOf(harness), ['"a" 5 1', '"a" 10 2'])
    bytes = Number.POSITIVE_INFINITY
    harness.processRecord({ key: 'a', value: 1 }, 7)
    harness.advanceWatermark(14)
    assert.deepEqual(valuesOf(harness), ['"a" 15 3'])
  })

  it('give a key in its stored form when it first comes behind the watermark', () => {
    const harness = open(sum<Row>('value') as AggregateFunction<Row, unknown, unknown>, 10, 5, 0)
    harness.processRecord({ key: 'first', value: 1 }, 4)
    harness.advanceWatermark(6)
    harness.drainOutput()
    const key = { id: 1 }
    harness.processRecord({ key, value: 2 }, 3)
    key.id = 7
    harness.advanceWatermark(20)
    assert.deepEqual(valuesOf(harness).sort(), ['"first" 10 1', '{"id":1} 10 2'])
  })
})
