import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  ascending,
  customWatermarks,
  FileError,
  MillraceError,
  RejectedInput,
  type Source,
  type SourceSplit,
  type SplitReader,
} from '@millrace/api'
import { freshSplitEntry, OPEN_READERS_MAX, type SplitEntry } from '../../src/task/source-driver.ts'
import { asPlain, deadLetter, type ListItem, listSource, splitsOf } from './list-source.ts'
import { type Fed, piecesOf, SourceRun } from './source-run.ts'
import { type Tap, taps } from './tap-source.ts'

const item = (at: number, split = 0): ListItem => ({ split: `split ${split}`, at, n: at })
const items = (...ats: number[]): ListItem[] => ats.map((at) => item(at))
const watermarks = ascending<ListItem>(({ at }) => at)
const brief = (fed: readonly Fed[]): unknown[] =>
  fed.map((each) => (each.kind === 'record' ? each.at : each.kind === 'watermark' ? `w${each.at}` : 'end'))

const failsWith =
  (code: string, details: Record<string, unknown> = {}) =>
  (error: unknown) =>
    error instanceof MillraceError &&
    error.code === code &&
    Object.entries(details).every(([name, value]) => error.details[name] === value)

describe('SourceDriver', () => {
  it('without splits it ends at once', async () => {
    const run = new SourceRun({
      source: listSource({ lists: [], cuts: [1], delays: [false], splitOrder: 'interleaved' }),
      entries: [],
    })
    await run.step(piecesOf(10))
    assert.deepEqual(brief(run.fed), ['wInfinity', 'end'])
    assert.equal(run.driver.step(1), 'ended')
  })

  it('a snapshot between a batch and its use counts what is still to be passed over', async () => {
    const lists = [items(1, 2, 3, 4, 5, 6, 7)]
    const open = (cuts: number[], entries: readonly SplitEntry[]) =>
      new SourceRun({ source: listSource({ lists, cuts, delays: [true], splitOrder: 'interleaved' }), entries })
    const first = open([7], splitsOf(lists).map(freshSplitEntry))
    await first.step(piecesOf(5), 3)
    assert.equal(first.records.length, 5)
    const second = open([2], first.driver.snapshot())
    await second.step(piecesOf(5), 2)
    assert.equal(second.records.length, 0)
    assert.equal(second.driver.snapshot()[0]?.skip, 5)
    const third = open([3], second.driver.snapshot())
    await third.step(piecesOf(5))
    assert.deepEqual(third.records, lists[0]?.slice(5))
  })

  it('sends a watermark after every so many records of a split, rejected ones included, and at its end', async () => {
    const lists = [[item(1), deadLetter('bad'), item(3), item(4), item(5)]]
    const source = listSource({ lists, cuts: [9], delays: [false], splitOrder: 'interleaved' })
    const entries = splitsOf(lists).map(freshSplitEntry)
    const run = new SourceRun({ source, watermarks: watermarks as never, entries, watermarkEveryRecords: 2 })
    await run.step(piecesOf(9))
    assert.deepEqual(brief(run.fed), [1, 'w0', 3, 4, 'w3', 5, 'w4', 'wInfinity', 'end'])
    assert.deepEqual(run.letters, ['bad'])
  })

  it('counts skipped input and sends none of it on', async () => {
    const skipped = new RejectedInput('skip', { raw: 'x', file: 'f', line: 1, column: 1, reason: 'r' })
    const lists = [[skipped, item(1), skipped]]
    const source = listSource({ lists, cuts: [2], delays: [false], splitOrder: 'interleaved' })
    const run = new SourceRun({ source, entries: splitsOf(lists).map(freshSplitEntry) })
    await run.step(piecesOf(9))
    assert.deepEqual([run.records, run.rejected, run.letters], [[item(1)], ['skip', 'skip'], []])
    assert.equal(run.driver.recordsRead, 1)
  })

  it('reads the split with the lowest watermark first', async () => {
    const lists = [items(10, 20, 30), items(11, 12, 13)]
    const source = listSource({ lists, cuts: [1], delays: [false], splitOrder: 'interleaved' })
    const entries = splitsOf(lists).map(freshSplitEntry)
    const run = new SourceRun({ source, watermarks: watermarks as never, entries, watermarkEveryRecords: 1 })
    await run.step(piecesOf(1))
    assert.deepEqual(
      run.records.map((record) => (record as ListItem).at),
      [10, 11, 20, 12, 13, 30],
    )
  })

  it('a split that has not started holds event time at the earliest timestamp that it names', async () => {
    const lists = [items(100, 200, 300), items(150)]
    const source = listSource({ lists, cuts: [1], delays: [false], splitOrder: 'interleaved' })
    const splits: SourceSplit[] = splitsOf(lists).map((split) => ({ ...split, timestampMin: 100 }))
    const entries = splits.map(freshSplitEntry)
    const never = new Promise<never>(() => {})
    const held: Source<unknown> = {
      ...source,
      open: (split, position, context) => (split.payload === 1 ? never : source.open(split, position, context)),
    }
    const run = new SourceRun({ source: held, watermarks: watermarks as never, entries, watermarkEveryRecords: 1 })
    await run.step(piecesOf(1), 9)
    assert.deepEqual(brief(run.fed), ['w99', 100, 200, 300])
  })

  it('sequential splits follow each other in listed order, however they were dealt, and hold no idle gap', async () => {
    const lists = [items(1, 2), items(3), items(4)]
    const source = listSource({ lists, cuts: [2], delays: [true], splitOrder: 'sequential', separateEnd: true })
    const entries = splitsOf(lists).map(freshSplitEntry).reverse()
    const run = new SourceRun({ source, watermarks: watermarks as never, entries, watermarkEveryRecords: 1 })
    while (run.driver.step(9) !== 'ended') {
      assert.equal(run.driver.isIdle, false)
      await setImmediate()
    }
    assert.deepEqual(brief(run.fed), [1, 'w0', 2, 'w1', 3, 'w2', 4, 'w3', 'wInfinity', 'end'])
    assert.deepEqual(source.closed, ['split 0', 'split 1', 'split 2'])
  })

  it('holds a bounded number of readers open and reads all splits, also when it goes on after a restore', async () => {
    const lists = Array.from({ length: OPEN_READERS_MAX * 3 + 7 }, (_, split) => [
      item(split, split),
      item(split + 9, split),
    ])
    let open = 0
    let openMax = 0
    const source = listSource({ lists, cuts: [1, 2], delays: [true, false], splitOrder: 'interleaved' })
    const counting: Source<unknown> = {
      ...source,
      async open(split, position, context) {
        openMax = Math.max(openMax, ++open)
        const reader = await source.open(split, position, context)
        const close = async () => {
          await reader.close()
          open--
        }
        return { next: (max) => reader.next(max), position: () => reader.position(), close }
      },
    }
    const options = { source: counting, watermarks: watermarks as never, watermarkEveryRecords: 1 }
    const first = new SourceRun({ ...options, entries: splitsOf(lists).map(freshSplitEntry) })
    await first.step(piecesOf(3), 150)
    const entries = first.driver.snapshot()
    await first.driver.close()
    assert.deepEqual([open, first.watermarks], [0, []])
    const second = new SourceRun({ ...options, entries })
    await second.step(piecesOf(3))
    const ids = (records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).sort()
    assert.deepEqual(ids([...first.records, ...second.records]), ids(lists.flat()))
    assert.deepEqual([openMax, open], [OPEN_READERS_MAX, 0])
    assert.equal(second.fed.at(-1)?.kind, 'end')
  })

  it('reads all splits of an unbounded source, however many: none of them makes room', async () => {
    const { all, source, entries } = taps(OPEN_READERS_MAX + 1)
    const run = new SourceRun({ source, entries })
    await run.step(piecesOf(9), OPEN_READERS_MAX + 2)
    for (const tap of all) await tap.give(1)
    await run.step(piecesOf(9), 3 * OPEN_READERS_MAX)
    assert.equal(run.records.length, OPEN_READERS_MAX + 1)
  })

  it('fails when the input has fewer records than were used before', async () => {
    const entry = { ...freshSplitEntry({ id: 'file.csv', payload: 0 }, 0), skip: 3 }
    const source = listSource({ lists: [items(1, 2)], cuts: [1], delays: [false], splitOrder: 'interleaved' })
    const run = new SourceRun({ source, entries: [entry] })
    await assert.rejects(run.step(piecesOf(9)), failsWith('INPUT_CHANGED', { operator: 'lists', split: 'file.csv' }))
  })

  const failing = (reader: Partial<SplitReader<unknown>>) => async (): Promise<SplitReader<unknown>> => ({
    next: () => ({ records: [item(1)], end: true }),
    position: () => 7,
    close: async () => {},
    ...reader,
  })
  const thrower = (error: Error) => (): never => {
    throw error
  }
  const reset = new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code: 'ECONNRESET' }) })
  for (const { name, open, message, code = 'USER_FUNCTION_FAILED' } of [
    { name: 'open rejects', open: () => Promise.reject(new Error('no such file')), message: /no such file/ },
    { name: 'open throws', open: thrower(new Error('not there')), message: /not there/ },
    { name: 'next rejects', open: failing({ next: () => Promise.reject(new Error('gone')) }), message: /gone/ },
    { name: 'next throws', open: failing({ next: thrower(new Error('boom')) }), message: /boom/ },
    { name: 'next gives junk', open: failing({ next: () => undefined as never }), message: /no batch of records/ },
    {
      name: 'next gives junk later',
      open: failing({ next: async () => ({ records: 5 }) as never }),
      message: /no batch of records/,
    },
    { name: 'position throws', open: failing({ position: thrower(new Error('lost')) }), message: /lost/ },
    {
      name: 'next meets a system error',
      open: failing({ next: () => Promise.reject(reset) }),
      message: /fetch failed/,
      code: 'INPUT_UNREADABLE',
    },
    {
      name: 'next meets a disk that fails',
      open: failing({ next: thrower(new FileError('io', 'a.csv', 'disk fails')) }),
      message: /disk fails/,
      code: 'INPUT_UNREADABLE',
    },
  ]) {
    it(`${name}: the error says whose code it was and where in the input`, async () => {
      const { source, entries } = taps(1)
      const entry = { ...(entries[0] as SplitEntry), position: { line: 12 } }
      const run = new SourceRun({ source: { ...source, open }, entries: [entry] })
      await assert.rejects(run.step(piecesOf(9), 9), (error) => {
        assert.ok(error instanceof MillraceError)
        assert.equal(error.code, code)
        assert.match(error.message, message)
        const { operator, uid, subtask, split, position } = error.details
        assert.deepEqual([operator, uid, subtask, split], ['lists', 'lists-uid', 0, 'tap 0'])
        assert.ok(['{"line":12}', '7'].includes(String(position)), String(position))
        return error.cause instanceof Error
      })
    })
  }

  it("a reader's failure in the background wakes its task", async () => {
    const { source, entries } = taps(1)
    const run = new SourceRun({ source: { ...source, open: () => Promise.reject(new Error('no')) }, entries })
    run.driver.step(1)
    await setImmediate()
    assert.equal(run.wakes, 1)
  })

  it('what a reader calls by a code of its own stays as it is', async () => {
    const { source, entries } = taps(1)
    const own = new MillraceError('INPUT_UNREADABLE', 'the service asks to come back later')
    const run = new SourceRun({ source: { ...source, open: failing({ next: thrower(own) }) }, entries })
    await assert.rejects(run.step(piecesOf(9), 9), own)
  })

  for (const { name, strategy, code } of [
    { name: 'a timestamp that is no number', strategy: ascending(() => Number.NaN), code: 'TIMESTAMP_INVALID' },
    { name: 'an infinite timestamp', strategy: ascending(() => Number.POSITIVE_INFINITY), code: 'TIMESTAMP_INVALID' },
    {
      name: 'a timestamp function that throws',
      strategy: ascending(() => {
        throw new Error('boom')
      }),
      code: 'USER_FUNCTION_FAILED',
    },
    {
      name: 'a watermark generator that throws on a record',
      strategy: customWatermarks<ListItem>({
        timestamp: ({ at }) => at,
        createGenerator: () => ({
          onRecord: thrower(new Error('boom')),
          current: () => 0,
          snapshot: () => null,
          restore() {},
        }),
      }),
      code: 'USER_FUNCTION_FAILED',
    },
    {
      name: 'a watermark generator that throws when asked',
      strategy: customWatermarks<ListItem>({
        timestamp: ({ at }) => at,
        createGenerator: () => ({
          onRecord() {},
          current: thrower(new Error('boom')),
          snapshot: () => null,
          restore() {},
        }),
      }),
      code: 'USER_FUNCTION_FAILED',
    },
    {
      name: 'a watermark that is no number',
      strategy: customWatermarks<ListItem>({
        timestamp: ({ at }) => at,
        createGenerator: () => ({ onRecord() {}, current: () => Number.NaN, snapshot: () => null, restore() {} }),
      }),
      code: 'TIMESTAMP_INVALID',
    },
  ]) {
    it(`refuses ${name}, naming the operator`, async () => {
      const lists = [items(1)]
      const source = listSource({ lists, cuts: [1], delays: [false], splitOrder: 'interleaved' })
      const run = new SourceRun({
        source,
        watermarks: strategy as never,
        entries: splitsOf(lists).map(freshSplitEntry),
      })
      await assert.rejects(run.step(piecesOf(9)), failsWith(code, { operator: 'lists', subtask: 0 }))
    })
  }

  it('a reader that opens after the driver was closed is closed too', async () => {
    const lists = [items(1)]
    const source = listSource({ lists, cuts: [1], delays: [false], splitOrder: 'interleaved' })
    const run = new SourceRun({ source, entries: splitsOf(lists).map(freshSplitEntry) })
    assert.equal(run.driver.step(1), 'waiting')
    await run.driver.close()
    await setImmediate()
    assert.deepEqual(source.closed, ['split 0'])
  })

  it('one that opens after a drain and cannot be closed is told when the driver is closed, and no sooner', async () => {
    const lists = [items(1)]
    const source = listSource({ lists, cuts: [1], delays: [false], splitOrder: 'interleaved' })
    const hanging: Source<unknown> = {
      ...source,
      open: async (split, position, context) => ({
        ...(await source.open(split, position, context)),
        close: () => Promise.reject(new Error('it hangs on')),
      }),
    }
    const run = new SourceRun({ source: hanging, entries: splitsOf(lists).map(freshSplitEntry) })
    assert.equal(run.driver.step(1), 'waiting')
    run.driver.drain()
    assert.equal(run.driver.step(1), 'moved')
    await setImmediate()
    assert.equal(run.driver.step(1), 'ended')
    await assert.rejects(run.driver.close(), { message: 'it hangs on' })
  })

  it('the entries of a checkpoint are plain data', async () => {
    const lists = [items(1, 2, 3)]
    const source = listSource({ lists, cuts: [2], delays: [false], splitOrder: 'interleaved' })
    const entries = splitsOf(lists).map(freshSplitEntry)
    const run = new SourceRun({ source, watermarks: watermarks as never, entries })
    await run.step(piecesOf(1), 2)
    const snapshot = run.driver.snapshot()
    assert.deepEqual(asPlain(snapshot), snapshot)
  })
})

describe('SourceDriver of unbounded splits', () => {
  interface OpenOptions {
    readonly watermarkEveryRecords?: number
    readonly entries?: readonly SplitEntry[] | undefined
  }

  function open(count: number, idleTimeoutMs: number | undefined, options: OpenOptions = {}) {
    const time = { nowMs: 0 }
    const { all, source, entries } = taps(count)
    const run = new SourceRun({
      source,
      ...options,
      entries: options.entries ?? entries,
      watermarks: { ...watermarks, idleTimeoutMs } as never,
      monotonicMs: () => time.nowMs,
    })
    return { time, run, all: all as [Tap, Tap] }
  }

  it('sends the watermark of a quiet split by the clock', async () => {
    const { time, run, all } = open(1, undefined)
    await run.step(piecesOf(9), 2)
    await all[0].give(5, 6)
    await run.step(piecesOf(9), 2)
    assert.deepEqual(brief(run.fed), [5, 6])
    assert.ok((run.driver.nextDueMs() as number) > time.nowMs)
    time.nowMs = 199
    await run.step(piecesOf(9), 1)
    assert.deepEqual(run.watermarks, [])
    time.nowMs = 200
    await run.step(piecesOf(9), 1)
    assert.deepEqual(run.watermarks, [5])
    assert.equal(run.driver.isIdle, false)
  })

  it('sends a watermark by the clock also while records trickle in, 200 ms after the first that has none', async () => {
    const { time, run, all } = open(1, undefined)
    await run.step(piecesOf(9), 2)
    const sent: string[] = []
    for (let at = 1_000; at < 1_500; at += 50) {
      await all[0].give(at)
      await run.step(piecesOf(9), 2)
      for (const watermark of run.watermarks.slice(sent.length)) sent.push(`w${watermark} at ${time.nowMs}`)
      time.nowMs += 50
    }
    assert.deepEqual(sent, ['w1199 at 200', 'w1449 at 450'])
  })

  it('does so beside an idle one, and though the batch is always there before the next step', async () => {
    const { time, run, all } = open(2, 100)
    await run.step(piecesOf(9), 3)
    for (let at = 1_000; at < 1_500; at += 50) {
      await all[0].give(at)
      // Moves the batch and asks for the next, which comes at once.
      assert.deepEqual([run.driver.step(9), run.driver.step(9)], ['moved', 'waiting'])
      time.nowMs += 50
    }
    assert.deepEqual(run.watermarks, [1_199, 1_449])
  })

  it('a due time stays the same until it was kept', async () => {
    const { time, run, all } = open(2, 1_000)
    assert.equal(run.driver.nextDueMs(), undefined)
    await run.step(piecesOf(9), 3)
    assert.equal(run.driver.nextDueMs(), 1_000)
    time.nowMs = 300
    await all[0].give(5)
    await run.step(piecesOf(9), 2)
    time.nowMs = 450
    assert.deepEqual([run.driver.nextDueMs(), run.driver.nextDueMs()], [500, 500])
    time.nowMs = 600
    assert.equal(run.driver.nextDueMs(), 500)
    await run.step(piecesOf(9), 1)
    assert.equal(run.driver.nextDueMs(), 1_000)
    time.nowMs = 1_300
    await run.step(piecesOf(9), 1)
    assert.deepEqual([run.driver.nextDueMs(), run.driver.isIdle], [undefined, true])
  })

  it('the watermark of a split that becomes idle goes out first', async () => {
    const { time, run, all } = open(1, 100)
    await run.step(piecesOf(9), 2)
    await all[0].give(7)
    await run.step(piecesOf(9), 2)
    time.nowMs = 100
    await run.step(piecesOf(9), 1)
    assert.deepEqual([run.watermarks, run.driver.isIdle], [[6], true])
  })

  it('the counted watermarks come at the same records, whatever the clock sent, and after a restore', async () => {
    const read = async (passMs: number, entries?: readonly SplitEntry[]) => {
      const { time, run, all } = open(1, undefined, { watermarkEveryRecords: 4, entries })
      await run.step(piecesOf(9), 2)
      const give = async (...ats: number[]): Promise<void> => {
        for (const at of ats) {
          await all[0].give(at)
          await run.step(piecesOf(9), 2)
          time.nowMs += passMs
          await run.step(piecesOf(9), 1)
        }
      }
      return { run, give }
    }
    const fast = await read(0)
    await fast.give(1, 2, 3, 4, 5, 6, 7, 8)
    assert.deepEqual(brief(fast.run.fed), [1, 2, 3, 4, 'w3', 5, 6, 7, 8, 'w7'])
    const slow = await read(100)
    await slow.give(1, 2, 3)
    assert.deepEqual(brief(slow.run.fed), [1, 2, 'w1', 3])
    const [entry] = slow.run.driver.snapshot()
    assert.deepEqual([entry?.watermark, entry?.sinceWatermark], [1, 3])
    const restored = await read(0, slow.run.driver.snapshot())
    await restored.give(4, 5, 6, 7, 8)
    assert.deepEqual(brief(restored.run.fed), ['w1', 4, 'w3', 5, 6, 7, 8, 'w7'])
  })

  it('records from before a restore get their watermark by the clock, though no record follows', async () => {
    const { run, all } = open(1, undefined)
    await run.step(piecesOf(9), 2)
    await all[0].give(5, 6)
    await run.step(piecesOf(9), 2)
    const restored = open(1, undefined, { entries: run.driver.snapshot() })
    await restored.run.step(piecesOf(9), 2)
    assert.equal(restored.run.driver.nextDueMs(), 200)
    restored.time.nowMs = 200
    await restored.run.step(piecesOf(9), 1)
    assert.deepEqual(brief(restored.run.fed), ['w5'])
  })

  it('a split without records for long holds event time no more, until it has some', async () => {
    const { time, run, all } = open(2, 1_000)
    await run.step(piecesOf(9), 3)
    await all[0].give(5)
    await run.step(piecesOf(9), 3)
    time.nowMs = 900
    await all[0].give(50)
    await run.step(piecesOf(9), 3)
    time.nowMs = 1_200
    await run.step(piecesOf(9), 1)
    assert.deepEqual(run.watermarks, [49])
    assert.equal(run.driver.isIdle, false)
    time.nowMs = 2_000
    await run.step(piecesOf(9), 1)
    assert.equal(run.driver.isIdle, true)
    await all[1].give(60)
    await run.step(piecesOf(9), 2)
    assert.equal(run.driver.isIdle, false)
    assert.deepEqual(brief(run.fed), [5, 50, 'w49', 60])
  })

  it('finds a split idle also beside one that always has records', async () => {
    const { time, run, all } = open(2, 1_000)
    await run.step(piecesOf(1), 3)
    await all[0].give(...Array.from({ length: 3_000 }, (_, i) => i))
    for (let i = 0; i < 1_500; i++) {
      time.nowMs += 1
      run.driver.step(1)
    }
    assert.deepEqual(run.watermarks.slice(0, 1), [998])
  })

  it('does not count as quiet the time in which a split was not asked', async () => {
    const { time, run, all } = open(1, 1_000)
    await run.step(piecesOf(9), 2)
    await all[0].give(1)
    await run.step(piecesOf(9), 1)
    // The task was held back for long before it asked again.
    time.nowMs = 5_000
    await run.step(piecesOf(9), 2)
    assert.equal(run.driver.isIdle, false)
    time.nowMs = 6_000
    await run.step(piecesOf(9), 1)
    assert.equal(run.driver.isIdle, true)
  })
})
