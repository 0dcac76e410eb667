import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { BATCH_RECORDS_MAX, hashKey, keyGroupOf, type StreamElement, subtaskOfKeyGroup } from '@millrace/core'
import fc from 'fast-check'
import { EdgeWriter, OVERDRAFT_BYTES_MAX, OVERFLOW_BYTES_MAX, type Route } from '../../src/task/edge-writer.ts'
import { BoundedChannel } from './bounded-channel.ts'

const MEBIBYTE = 1_048_576
const hashRoute = (parallelism: number, maxParallelism: number): Route => ({
  kind: 'hash',
  keyHashOf: hashKey,
  keyHashesOf: (records) => records.map(hashKey),
  channelOfGroup: Uint16Array.from({ length: maxParallelism }, (_, group) =>
    subtaskOfKeyGroup(group, parallelism, maxParallelism),
  ),
})

function open(channels: number, route: Route, room?: number) {
  const all = Array.from({ length: channels }, () => new BoundedChannel(room))
  return { channels: all, writer: new EdgeWriter(all, route, 'Parse (1/1)') }
}

function batchesOf(channel: BoundedChannel): (StreamElement & { kind: 'batch' })['batch'][] {
  const batches = []
  for (let element = channel.poll(); element !== undefined; element = channel.poll()) {
    assert.equal(element.kind, 'batch')
    if (element.kind === 'batch') batches.push(element.batch)
  }
  return batches
}

describe('EdgeWriter', () => {
  it('forwards in order', () => {
    const { channels, writer } = open(1, { kind: 'forward' })
    for (let i = 0; i < 3; i++) writer.emit(i, i)
    assert.equal(writer.hasOpenBatch, true)
    writer.flushOpenBatches()
    assert.equal(writer.hasOpenBatch, false)
    assert.deepEqual(channels[0]?.poll(), {
      kind: 'batch',
      batch: { records: [0, 1, 2], timestamps: [0, 1, 2], keyHashes: undefined },
    })
    assert.equal(writer.recordsOut, 3)
  })

  it('rebalances in turns, from its own first channel', () => {
    const { channels, writer } = open(3, { kind: 'rebalance', first: 4 })
    for (let i = 0; i < 7; i++) writer.emit(i, i)
    writer.flushOpenBatches()
    assert.deepEqual(
      channels.map((channel) => channel.take()),
      [
        [2, 5],
        [0, 3, 6],
        [1, 4],
      ],
    )
  })

  it('hashes each record to the subtask that owns its key group, and sends the hash along', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 200 }),
        fc.integer({ min: 1, max: 6 }),
        (keys, parallelism) => {
          const { channels, writer } = open(parallelism, hashRoute(parallelism, 128))
          for (const key of keys) writer.emit(key, 0)
          writer.flushOpenBatches()
          const arrived = channels.map((channel) => batchesOf(channel))
          arrived.forEach((batches, subtask) => {
            for (const { records, keyHashes } of batches) {
              assert.deepEqual(keyHashes, records.map(hashKey))
            }
            const expected = keys.filter((key) => subtaskOfKeyGroup(keyGroupOf(key, 128), parallelism, 128) === subtask)
            assert.deepEqual(
              batches.flatMap(({ records }) => records),
              expected,
            )
          })
        },
      ),
    )
  })

  it('hands over at the number of records', () => {
    const { channels, writer } = open(1, { kind: 'forward' })
    for (let i = 0; i < BATCH_RECORDS_MAX + 1; i++) writer.emit(i, 0)
    assert.deepEqual(
      batchesOf(channels[0] as BoundedChannel).map(({ records }) => records.length),
      [BATCH_RECORDS_MAX],
    )
    assert.equal(writer.hasOpenBatch, true)
  })

  for (const { name, lengths, most } of [
    { name: 'records that are large', lengths: [100_000], most: 3 },
    { name: 'a single one above the limit', lengths: [MEBIBYTE], most: 1 },
    { name: 'records that grow after the first', lengths: [10, ...new Array<number>(200).fill(100_000)], most: 34 },
  ]) {
    it(`hands over at the number of bytes: ${name}`, () => {
      const { channels, writer } = open(1, { kind: 'forward' })
      for (let i = 0; i < 201; i++) writer.emit('x'.repeat(lengths[i % lengths.length] as number), 0)
      for (const { records } of batchesOf(channels[0] as BoundedChannel)) {
        assert.ok(records.length <= most, `${records.length} records`)
      }
    })
  }

  it('keeps control elements behind the records before them, through any refusals', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant('control' as const)), { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.boolean()),
        (steps, parallelism, reads) => {
          const { channels, writer } = open(parallelism, hashRoute(parallelism, 128), 1)
          const seen: unknown[][] = channels.map(() => [])
          const expected: unknown[][] = channels.map(() => [])
          const read = (): void =>
            channels.forEach((channel, index) => {
              if (reads.next().value === true) seen[index]?.push(...channel.take())
            })
          steps.forEach((step, index) => {
            if (step === 'control') {
              writer.broadcast({ kind: 'watermark', timestamp: index })
              for (const own of expected) own.push(`watermark ${index}`)
            } else {
              writer.emit(step, 0)
              expected[subtaskOfKeyGroup(keyGroupOf(step, 128), parallelism, 128)]?.push(step)
            }
            read()
            const hasRoom = writer.flushWaiting()
            assert.equal(writer.isFull, !hasRoom)
          })
          writer.flushOpenBatches()
          for (let tries = 0; tries < 1_000 && !writer.flushWaiting(); tries++) read()
          channels.forEach((channel, index) => {
            seen[index]?.push(...channel.take())
          })
          assert.deepEqual(seen, expected)
        },
      ),
    )
  })

  it('is full while any channel has no room', () => {
    const { channels, writer } = open(2, { kind: 'rebalance', first: 0 }, 1)
    writer.broadcast({ kind: 'watermark', timestamp: 1 })
    assert.equal(writer.isFull, false)
    writer.broadcast({ kind: 'watermark', timestamp: 2 })
    assert.equal(writer.isFull, true)
    channels[0]?.poll()
    assert.equal(writer.flushWaiting(), false)
    channels[1]?.poll()
    assert.equal(writer.flushWaiting(), true)
  })

  it('refuses what one call emits without end while its channel is full, and names the task', () => {
    const { writer } = open(1, { kind: 'forward' }, 0)
    let emitted = 0
    assert.throws(
      () => {
        for (; ; emitted++) writer.emit(new Uint8Array(MEBIBYTE), 0)
      },
      (error) =>
        error instanceof MillraceError &&
        error.code === 'USER_FUNCTION_OVERRUN' &&
        error.details.task === 'Parse (1/1)',
    )
    assert.ok(emitted * MEBIBYTE >= OVERFLOW_BYTES_MAX * 0.9)
  })

  it('lets a barrier get its chain drained beyond full channels, up to its limit and only for that long', () => {
    const { channels, writer } = open(1, { kind: 'forward' }, 1)
    const [channel] = channels as [BoundedChannel]
    assert.equal(writer.overdraw(), false, 'there is room')
    const emit = (text: string): void => {
      writer.emit(text, 0)
      writer.flushOpenBatches()
    }
    emit('taken')
    emit('refused')
    assert.equal(writer.isFull, true)
    assert.equal(writer.overdraw(), true)
    assert.equal(writer.isFull, false)
    emit('overdrawn')
    assert.equal(writer.isFull, false)
    channel.room = 0
    assert.equal(writer.flushWaiting(), false)
    assert.equal(writer.isFull, false, 'what waits does not end an overdraft')
    for (let left = OVERDRAFT_BYTES_MAX; left > 0 && !writer.isFull; left -= MEBIBYTE / 4)
      emit('x'.repeat(MEBIBYTE / 4))
    assert.equal(writer.isFull, true)
    assert.equal(writer.overdraw(), false, 'it is used up')
    writer.endOverdraft()
    assert.equal(writer.isFull, true)
    channel.room = Number.POSITIVE_INFINITY
    assert.equal(writer.flushWaiting(), true)
    assert.deepEqual(channel.take().slice(0, 3), ['taken', 'refused', 'overdrawn'])
    assert.equal(writer.overdraw(), false)
  })

  it('stays full behind its barrier while a reader holds back what came before', () => {
    const { channels, writer } = open(2, { kind: 'rebalance', first: 0 })
    const barrier = {
      kind: 'barrier',
      checkpointId: 1,
      triggeredAtMs: 0,
      lastCompletedId: 0,
      snapshotKind: 'checkpoint',
    } as const
    writer.announce(barrier)
    assert.deepEqual(
      channels.map(({ announced }) => announced),
      [barrier, barrier],
    )
    channels[1]?.holdBack(true)
    writer.broadcast(barrier)
    writer.endOverdraft()
    assert.equal(writer.isFull, true)
    assert.equal(writer.flushWaiting(), false)
    channels[1]?.holdBack(false)
    assert.equal(writer.flushWaiting(), true)
    assert.equal(writer.isFull, false)
  })
})
