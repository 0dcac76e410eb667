/** One end of a channel on a thread of its own: writes a known sequence of elements, or checks it. */
import { parentPort, workerData } from 'node:worker_threads'
import type { StreamElement } from '@millrace/core'
import { Doorbell, DoorbellRinger } from '../../src/channel/doorbell.ts'
import type { RingMemory } from '../../src/channel/ring.ts'
import { RingChannelReader, RingChannelWriter } from '../../src/channel/ring-channel.ts'

export interface ChannelPeerRequest {
  readonly role: 'reader' | 'writer'
  readonly ring: RingMemory
  readonly bells: { readonly reader: SharedArrayBuffer; readonly writer: SharedArrayBuffer }
  readonly batches: number
}

const BATCH_RECORDS = 300

const { role, ring, bells, batches } = workerData as ChannelPeerRequest
// Keeps this thread alive while it sleeps on its doorbell.
parentPort?.on('message', () => {})
parentPort?.postMessage(role === 'writer' ? await write() : await read())

function recordAt(index: number): unknown {
  if (index % 777 === 0) return { id: index, text: '€'.repeat(index % 2_000) }
  return index % 13 === 0 ? { id: index } : { id: index, text: `record ${index}`, ratio: index / 7 }
}

async function write(): Promise<undefined> {
  const bell = new Doorbell(bells.writer)
  const writer = new RingChannelWriter(ring, { readerWakeUp: new DoorbellRinger(bells.reader) })
  const send = async (element: StreamElement): Promise<void> => {
    for (let looked = bell.look(); !writer.offer(element); looked = bell.look()) await bell.sleep(looked)
  }
  for (let batch = 0; batch < batches; batch++) {
    const first = batch * BATCH_RECORDS
    const indexes = Array.from({ length: BATCH_RECORDS }, (_, i) => first + i)
    await send({ kind: 'batch', batch: { records: indexes.map(recordAt), timestamps: indexes, keyHashes: undefined } })
    await send({ kind: 'watermark', timestamp: batch })
    if (batch % 10 === 0) {
      await send({
        kind: 'barrier',
        checkpointId: batch,
        triggeredAtMs: first,
        lastCompletedId: 0,
        snapshotKind: 'savepoint',
      })
    }
  }
  await send({ kind: 'end' })
}

async function read(): Promise<{ records: number; watermarks: number; barriers: number }> {
  const bell = new Doorbell(bells.reader)
  const reader = new RingChannelReader(ring, { writerWakeUp: new DoorbellRinger(bells.writer) })
  const seen = { records: 0, watermarks: 0, barriers: 0 }
  for (;;) {
    const looked = bell.look()
    const element = reader.poll()
    if (element === undefined) await bell.sleep(looked)
    else if (element.kind === 'end') return seen
    else check(element, seen)
  }
}

function check(element: StreamElement, seen: { records: number; watermarks: number; barriers: number }): void {
  if (element.kind === 'batch') {
    for (const [i, record] of element.batch.records.entries()) {
      const index = seen.records++
      if (element.batch.timestamps[i] !== index || JSON.stringify(record) !== JSON.stringify(recordAt(index))) {
        throw new Error(`record ${index} arrived as ${JSON.stringify(record)} at ${element.batch.timestamps[i]}`)
      }
    }
  } else if (element.kind === 'watermark') {
    const expected = seen.watermarks++
    if (element.timestamp !== expected || seen.records !== (expected + 1) * BATCH_RECORDS) {
      throw new Error(`watermark ${element.timestamp} arrived after ${seen.records} records`)
    }
  } else if (element.kind === 'barrier') {
    seen.barriers++
    if (element.checkpointId !== seen.watermarks - 1) throw new Error(`barrier ${element.checkpointId} out of place`)
  }
}
