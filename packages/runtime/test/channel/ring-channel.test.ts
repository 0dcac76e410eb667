import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/api'
import type { RecordBatch, StreamElement } from '@millrace/core'
import { createDoorbell } from '../../src/channel/doorbell.ts'
import { createRing } from '../../src/channel/ring.ts'
import { RingChannelReader, RingChannelWriter } from '../../src/channel/ring-channel.ts'
import type { ChannelPeerRequest } from './channel-peer.worker.ts'

const nobody = { wake() {} }

function open(capacityBytes: number, recordBytesMax?: number) {
  const ring = createRing({ capacityBytes, memory: 'local' })
  const limit = recordBytesMax === undefined ? {} : { recordBytesMax }
  return {
    writer: new RingChannelWriter(ring, { readerWakeUp: nobody, ...limit }),
    reader: new RingChannelReader(ring, { writerWakeUp: nobody, ...limit }),
  }
}

function batchOf(records: unknown[]): StreamElement & { readonly batch: RecordBatch } {
  return { kind: 'batch', batch: { records, timestamps: records.map((_, i) => i), keyHashes: undefined } }
}

/** Offers and polls in turn until the element is accepted and all is read. */
function carry(
  { writer, reader }: ReturnType<typeof open>,
  element: StreamElement,
): { readonly arrived: StreamElement[]; readonly offers: number } {
  const arrived: StreamElement[] = []
  let offers = 1
  while (!writer.offer(element)) {
    offers++
    for (let next = reader.poll(); next !== undefined; next = reader.poll()) arrived.push(next)
  }
  for (let next = reader.poll(); next !== undefined; next = reader.poll()) arrived.push(next)
  return { arrived, offers }
}

function hasCode(code: string) {
  return (error: unknown): boolean => error instanceof MillraceError && error.code === code
}

test('a batch that fits arrives as one', () => {
  const { arrived, offers } = carry(open(65_536), batchOf([1, 2, 3]))
  assert.equal(offers, 1)
  assert.deepEqual(arrived, [batchOf([1, 2, 3])])
})

test('a batch larger than the ring arrives as several, with its timestamps', () => {
  const records = Array.from({ length: 1_000 }, (_, i) => ({ id: i, text: `record ${i}` }))
  const { arrived, offers } = carry(open(4_096), batchOf(records))
  assert.ok(offers > 1 && arrived.length > offers)
  const batches = arrived.map((element) => (element.kind === 'batch' ? element.batch : undefined))
  assert.deepEqual(
    batches.flatMap((batch) => batch?.records),
    records,
  )
  assert.deepEqual(
    batches.flatMap((batch) => batch?.timestamps),
    records.map((_, i) => i),
  )
})

test('a record larger than the ring arrives whole, and what follows it too', () => {
  const large = new Uint8Array(1_000_000).map((_, i) => i * 7)
  const { arrived } = carry(open(4_096), batchOf(['before', large, 'after']))
  assert.deepEqual(
    arrived.flatMap((element) => (element.kind === 'batch' ? element.batch.records : [])),
    ['before', large, 'after'],
  )
})

test('many large records in one batch are no large record', () => {
  const records = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(50_000, '.'))
  const { arrived } = carry(open(4_096, 60_000), batchOf(records))
  assert.deepEqual(
    arrived.flatMap((element) => (element.kind === 'batch' ? element.batch.records : [])),
    records,
  )
})

test('a record above the limit is refused by its size', () => {
  const { writer } = open(4_096, 60_000)
  assert.throws(() => {
    writer.offer(batchOf(['x'.repeat(61_000)]))
  }, hasCode('RECORD_TOO_LARGE'))
  assert.throws(() => {
    open(4_096, 60_000).writer.offer(batchOf(['x'.repeat(6_000_000)]))
  }, hasCode('RECORD_TOO_LARGE'))
})

test('a record that cannot be encoded is refused, wherever it is in the batch', () => {
  const { writer } = open(4_096)
  assert.throws(() => {
    writer.offer(batchOf([1, 2, () => 3]))
  }, hasCode('VALUE_NOT_ENCODABLE'))
})

test('amid a batch, another element is a fault of the caller', () => {
  const { writer } = open(64)
  const batch = batchOf(Array.from({ length: 100 }, (_, i) => `record ${i}`))
  assert.equal(writer.offer(batch), false)
  assert.throws(() => {
    writer.offer({ kind: 'end' })
  }, hasCode('INTERNAL'))
})

test('what arrived does not change when the ring is written again', () => {
  const { writer, reader } = open(256)
  assert.ok(writer.offer(batchOf([new Uint8Array(40).fill(1)])))
  const first = reader.poll()
  for (let i = 0; i < 20; i++) carry({ writer, reader }, batchOf([new Uint8Array(40).fill(2)]))
  assert.deepEqual(first, batchOf([new Uint8Array(40).fill(1)]))
})

test('the metrics of both ends agree', () => {
  const { writer, reader } = open(4_096)
  assert.ok(writer.offer(batchOf([1, 2, 3])))
  assert.ok(reader.queuedBytes >= writer.writtenBytes)
  assert.equal(reader.queuedBytes, writer.queuedBytes)
  assert.ok(reader.poll())
  assert.equal(reader.readBytes, writer.writtenBytes)
  assert.equal(reader.queuedBytes, 0)
})

for (const { capacityBytes, batches } of [
  { capacityBytes: 256, batches: 60 },
  { capacityBytes: 16_384, batches: 400 },
  { capacityBytes: 1_048_576, batches: 1_000 },
]) {
  test(`two threads: ${batches} batches and control elements through ${capacityBytes} bytes`, {
    timeout: 60_000,
  }, async () => {
    const ring = createRing({ capacityBytes, startCursor: 2 ** 32 - 4_096 })
    const bells = { reader: createDoorbell(), writer: createDoorbell() }
    const request = (role: 'reader' | 'writer'): ChannelPeerRequest => ({ role, ring, bells, batches })
    const url = new URL('./channel-peer.worker.ts', import.meta.url)
    const reader = new Worker(url, { workerData: request('reader') })
    const writer = new Worker(url, { workerData: request('writer') })
    const [[result]] = await Promise.all([once(reader, 'message'), once(writer, 'message')])
    await Promise.all([reader.terminate(), writer.terminate()])
    assert.deepEqual(result, { records: batches * 300, watermarks: batches, barriers: Math.ceil(batches / 10) })
  })
}
