import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BATCH_RECORDS_MAX, hashKey, type RecordBatch } from '@millrace/core'
import fc from 'fast-check'
import { BATCH_BYTES_MAX, OVERFLOW_BYTES_MAX, type Route } from '../../src/task/edge-writer.ts'
import { SingleChannelEdgeWriter } from '../../src/task/single-channel-edge-writer.ts'
import { BoundedChannel } from './bounded-channel.ts'

const forward: Route = { kind: 'forward' }
const keyed: Route = {
  kind: 'hash',
  keyHashOf: hashKey,
  keyHashesOf: (records) => records.map(hashKey),
  channelOfGroup: new Uint16Array(128),
}

function open(route: Route, room?: number) {
  const channel = new BoundedChannel(room)
  return { channel, writer: new SingleChannelEdgeWriter(channel, route, 'Parse (1/1)') }
}

function batchOf(count: number, first = 0): RecordBatch {
  const records = Array.from({ length: count }, (_, i) => first + i)
  return { records, timestamps: records.map((n) => n * 10), keyHashes: undefined }
}

function batchesOf(channel: BoundedChannel): RecordBatch[] {
  const batches: RecordBatch[] = []
  for (let element = channel.poll(); element !== undefined; element = channel.poll()) {
    if (element.kind === 'batch') batches.push(element.batch)
  }
  return batches
}

describe('SingleChannelEdgeWriter', () => {
  it('hands a large batch on as it is, with hashes where the route is keyed', () => {
    for (const route of [forward, keyed]) {
      const { channel, writer } = open(route)
      const batch = batchOf(500)
      writer.pushBatch(batch, 8_000)
      assert.equal(writer.hasOpenBatch, false)
      const [arrived, ...others] = batchesOf(channel)
      assert.equal(others.length, 0)
      assert.equal(arrived?.records, batch.records)
      assert.equal(arrived?.timestamps, batch.timestamps)
      assert.deepEqual(arrived?.keyHashes, route === keyed ? batch.records.map(hashKey) : undefined)
      assert.equal(writer.recordsOut, 500)
    }
  })

  it('lets small batches wait together', () => {
    const { channel, writer } = open(keyed)
    for (let i = 0; i < 3; i++) writer.pushBatch(batchOf(10, i * 10), 160)
    assert.equal(channel.hasNext, false)
    assert.equal(writer.hasOpenBatch, true)
    writer.flush()
    const [arrived] = batchesOf(channel)
    assert.deepEqual(arrived?.records, batchOf(30).records)
    assert.deepEqual(arrived?.timestamps, batchOf(30).timestamps)
    assert.deepEqual(arrived?.keyHashes, batchOf(30).records.map(hashKey))
  })

  it('sends few records at once that are large', () => {
    const { channel, writer } = open(forward)
    writer.pushBatch(batchOf(3), BATCH_BYTES_MAX)
    assert.deepEqual(channel.take(), [0, 1, 2])
  })

  it('keeps the order of records, batches and control elements, through any refusals', () => {
    const anyStep = fc.oneof(
      fc.record({ kind: fc.constant('batch' as const), count: fc.integer({ min: 0, max: 600 }) }),
      fc.record({ kind: fc.constantFrom('record' as const, 'watermark' as const, 'flush' as const) }),
    )
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), fc.infiniteStream(fc.boolean()), (steps, reads) => {
        const { channel, writer } = open(keyed, 1)
        const seen: unknown[] = []
        const expected: unknown[] = []
        let next = 0
        steps.forEach((step, index) => {
          if (step.kind === 'batch') {
            writer.pushBatch(batchOf(step.count, next), step.count * 16)
            for (let i = 0; i < step.count; i++) expected.push(next++)
          } else if (step.kind === 'record') {
            writer.emit(next, next * 10)
            expected.push(next++)
          } else if (step.kind === 'flush') {
            writer.flush()
          } else {
            writer.broadcast({ kind: 'watermark', timestamp: index })
            expected.push(`watermark ${index}`)
          }
          if (reads.next().value === true) seen.push(...channel.take())
          const hasRoom = writer.flushWaiting()
          assert.equal(writer.isFull, !hasRoom)
        })
        writer.flush()
        for (let tries = 0; tries < 1_000 && !writer.flushWaiting(); tries++) seen.push(...channel.take())
        seen.push(...channel.take())
        assert.deepEqual(seen, expected)
        assert.equal(writer.recordsOut, next)
      }),
    )
  })

  it('cuts a batch that came out much larger than a batch may be', () => {
    const { channel, writer } = open(keyed)
    writer.pushBatch(batchOf(BATCH_RECORDS_MAX), 10 * BATCH_BYTES_MAX)
    const batches = batchesOf(channel)
    for (const { records, timestamps, keyHashes } of batches) {
      assert.ok(records.length <= BATCH_RECORDS_MAX / 10)
      assert.deepEqual(keyHashes, records.map(hashKey))
      assert.deepEqual(
        timestamps,
        (records as number[]).map((n) => n * 10),
      )
    }
    assert.deepEqual(
      batches.flatMap(({ records }) => records),
      batchOf(BATCH_RECORDS_MAX).records,
    )
  })

  it('counts what finds no room, and does not take it for an overrun of user code', () => {
    const { writer } = open(forward, 0)
    for (let i = 0; i < 3; i++) writer.pushBatch(batchOf(300), OVERFLOW_BYTES_MAX)
    assert.ok(writer.isFull)
    assert.ok(writer.queuedBytes > OVERFLOW_BYTES_MAX)
  })
})
