import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AggregateFunction, count, type KeySelector, type WindowSpec } from '@millrace/api'
import { BATCH_RECORDS_MAX, hashKey, keyGroupOf, type StreamElement, subtaskOfKeyGroup } from '@millrace/core'
import { CombiningEdgeWriter } from '../../src/task/combining-edge-writer.ts'
import type { HashRoute } from '../../src/task/edge-writer.ts'
import { OVERFLOW_BYTES_MAX } from '../../src/task/edge-writer.ts'
import { BoundedChannel } from './bounded-channel.ts'

const MAX_PARALLELISM = 128
const key: KeySelector = { kind: 'field', field: 'key' }

interface Options {
  readonly channels?: number
  readonly room?: number
  readonly isOnlySender?: boolean
  readonly aggregate?: WindowSpec['aggregate']
}

function open({ channels = 1, room, isOnlySender = false, aggregate = count() }: Options = {}) {
  const all = Array.from({ length: channels }, () => new BoundedChannel(room))
  const route: HashRoute = {
    kind: 'hash',
    keyHashOf: (record) => hashKey((record as { key: unknown }).key),
    keyHashesOf: (records) => records.map((record) => hashKey((record as { key: unknown }).key)),
    channelOfGroup: Uint16Array.from({ length: MAX_PARALLELISM }, (_, group) =>
      subtaskOfKeyGroup(group, channels, MAX_PARALLELISM),
    ),
  }
  const assigner = { kind: 'tumbling', sizeMs: 10, slideMs: 10, offsetMs: 0 } as const
  const writer = new CombiningEdgeWriter(all, route, 'Parse (1/1)', {
    spec: { aggregate, assigner, key },
    receiver: { name: 'Counts', uid: 'counts' },
    subtask: 0,
    developmentMode: false,
    isOnlySender,
  })
  return { writer, channels: all, channel: all[0] as BoundedChannel }
}

/** Elements in order: partial results as `key@sliceEnd=accumulators`, records by their key. */
function taken(channel: BoundedChannel): string[] {
  const all: string[] = []
  for (let element = channel.poll(); element !== undefined; element = channel.poll()) all.push(...shown(element))
  return all
}

function shown(element: StreamElement): string[] {
  if (element.kind === 'watermark') return [`watermark ${element.timestamp}`]
  if (element.kind !== 'batch') return [element.kind]
  const { records, timestamps, accumulators } = element.batch
  return records.map((record, i) =>
    accumulators === undefined
      ? String((record as { key: unknown }).key)
      : `${record}@${timestamps[i]}=${accumulators.map((column) => column[i])}`,
  )
}

const barrier: StreamElement = {
  kind: 'barrier',
  checkpointId: 1,
  triggeredAtMs: 0,
  lastCompletedId: 0,
  snapshotKind: 'checkpoint',
}

describe('CombiningEdgeWriter', () => {
  it('partial results leave before the watermark that fires their window, not before an earlier one', () => {
    const { writer, channel } = open()
    writer.emit({ key: 'a' }, 1)
    writer.pushBatch({ records: [{ key: 'a' }, { key: 'b' }], timestamps: [2, 11], keyHashes: undefined })
    writer.broadcast({ kind: 'watermark', timestamp: 5 })
    assert.deepEqual(taken(channel), ['watermark 5'])
    assert.equal(writer.holdsPartials, true)
    writer.broadcast({ kind: 'watermark', timestamp: 9 })
    assert.deepEqual(taken(channel), ['a@10=2', 'watermark 9'])
    writer.broadcast({ kind: 'watermark', timestamp: Number.POSITIVE_INFINITY })
    assert.deepEqual(taken(channel), ['b@20=1', 'watermark Infinity'])
    assert.equal(writer.hasOpenBatch || writer.holdsPartials, false)
  })

  for (const element of [barrier, { kind: 'end' }, { kind: 'status', idle: true }] as const) {
    it(`nothing is held at a ${element.kind}`, () => {
      const { writer, channel } = open()
      writer.emit({ key: 'a' }, 1)
      writer.broadcast(element)
      assert.deepEqual(taken(channel), ['a@10=1', element.kind])
      assert.equal(writer.hasOpenBatch || writer.holdsPartials, false)
    })
  }

  it('records go into partial results when they have waited, and those leave when they are asked for', () => {
    const { writer, channel } = open()
    writer.emit({ key: 'a' }, 1)
    assert.deepEqual([writer.hasOpenBatch, writer.holdsPartials], [true, false])
    writer.flush()
    assert.deepEqual([writer.hasOpenBatch, writer.holdsPartials], [false, true])
    assert.deepEqual(taken(channel), [])
    writer.flushPartials()
    assert.deepEqual([writer.hasOpenBatch, writer.holdsPartials], [false, false])
    assert.deepEqual(taken(channel), ['a@10=1'])
    assert.deepEqual([writer.recordsOut, writer.recordsCombined, writer.partialsOut], [1, 1, 1])
  })

  it('takes in what waits before a loop goes past it', () => {
    const { writer, channel } = open()
    writer.emit({ key: 'a' }, 1)
    const combining = writer.combining()
    assert.equal(writer.recordsCombined, 1)
    assert.equal(combining.turnTo(2, 0), true)
    combining.finish(1)
    assert.equal(writer.recordsCombined, 2)
    writer.flushPartials()
    assert.deepEqual(taken(channel), ['a@10=1'])
  })

  it('late records travel as they are, one by one; before the restored time too', () => {
    const { writer, channel } = open()
    writer.restoreEventTimes({ counts: 9, other: 100 })
    writer.emit({ key: 'late' }, 1)
    writer.emit({ key: 'open' }, 11)
    writer.broadcast({ kind: 'watermark', timestamp: 3 })
    assert.deepEqual(taken(channel), ['late', 'watermark 3'])
    writer.broadcast({ kind: 'watermark', timestamp: 19 })
    writer.emit({ key: 'late' }, 12)
    writer.flushPartials()
    assert.deepEqual(taken(channel), ['open@20=1', 'watermark 19'])
    writer.flush()
    assert.deepEqual(taken(channel), ['late'])
  })

  it('partial results do not overtake records that travel singly', () => {
    const { writer, channel } = open()
    const emit = (from: number, to: number) => {
      for (let i = from; i < to; i++) writer.emit({ key: i }, 1)
    }
    // Distinct keys: combining stops for a while, and begins again in the middle of a batch.
    emit(0, 5_000)
    writer.flushPartials()
    taken(channel)
    emit(0, 17 * 5_000)
    writer.flush()
    writer.flushPartials()
    const all = taken(channel)
    const firstPartial = all.findIndex((text) => text.includes('@'))
    assert.equal(firstPartial, 16 * 5_000)
    assert.ok(all.slice(firstPartial).every((text) => text.includes('@')))
  })

  it('each partial result goes to the channel of its key, with its key group', () => {
    const { writer, channels } = open({ channels: 3 })
    for (let i = 0; i < 3_000; i++) writer.emit({ key: `key ${i % 1_500}` }, 1)
    writer.flushPartials()
    let partials = 0
    for (const [subtask, channel] of channels.entries()) {
      for (let element = channel.poll(); element?.kind === 'batch'; element = channel.poll()) {
        const { records, keyHashes, accumulators } = element.batch
        assert.ok(records.length <= BATCH_RECORDS_MAX)
        assert.deepEqual(
          keyHashes,
          records.map((record) => hashKey(record)),
        )
        for (const key of records) {
          assert.equal(subtaskOfKeyGroup(keyGroupOf(key, MAX_PARALLELISM), 3, MAX_PARALLELISM), subtask)
        }
        assert.ok(accumulators?.[0]?.every((accumulator) => accumulator === 2))
        partials += records.length
      }
    }
    assert.equal(partials, 1_500)
  })

  it('a sender that was idle beside others is behind them, and combines no more', () => {
    for (const isOnlySender of [false, true]) {
      const { writer, channel } = open({ isOnlySender })
      writer.broadcast({ kind: 'status', idle: true })
      writer.broadcast({ kind: 'status', idle: false })
      writer.emit({ key: 'a' }, 1)
      writer.flush()
      writer.flushPartials()
      assert.deepEqual(taken(channel), ['status', 'status', isOnlySender ? 'a@10=1' : 'a'])
    }
  })

  it('what finds no room waits, is full for the engine and bounded for one user call', () => {
    const text = 'x'.repeat(1_000_000)
    const keep: AggregateFunction<{ value: string }, string[], string[]> = {
      name: 'keep',
      create: () => [],
      add: (kept, { value }) => [...kept, value],
      result: (kept) => kept,
      merge: (into, other) => [...into, ...other],
    }
    const { writer, channel } = open({ room: 1, aggregate: keep })
    const emit = (key: number) =>
      writer.pushBatch({ records: [{ key, value: text }], timestamps: [1], keyHashes: undefined })
    for (let key = 0; key < 3; key++) emit(key)
    writer.flushPartials()
    assert.equal(writer.isFull, true)
    while (channel.poll() !== undefined) writer.flushWaiting()
    assert.equal(writer.isFull, false)
    assert.throws(
      () => {
        for (let key = 0; key < (3 * OVERFLOW_BYTES_MAX) / text.length; key++) emit(key)
      },
      { code: 'USER_FUNCTION_OVERRUN' },
    )
  })
})
