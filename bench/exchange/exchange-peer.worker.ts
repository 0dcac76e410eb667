/** One side of the exchange benchmark: makes records and sends them, or takes them and adds one field up. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { createBatch, type RecordBatch, type StreamElement } from '@millrace/core'
import { Doorbell, DoorbellRinger, RingChannelReader, RingChannelWriter, type RingMemory } from '@millrace/runtime'

/** `create-only` measures what making the records costs, which the other figures include. */
export type ExchangeWay = 'ring' | 'post-message' | 'create-only'

export interface ExchangePeerRequest {
  readonly role: 'reader' | 'writer'
  readonly way: ExchangeWay
  readonly ring: RingMemory | undefined
  readonly bells: { readonly reader: SharedArrayBuffer; readonly writer: SharedArrayBuffer }
  readonly records: number
  readonly batchRecords: number
  readonly port: MessagePort
}

interface Flight {
  readonly id: number
  readonly airport: string
  readonly carrier: string
  readonly delayMinutes: number
  readonly distanceKm: number
  readonly departedAtMs: number
  readonly isCancelled: boolean
}

const AIRPORTS = ['ATL', 'ORD', 'DFW', 'DEN', 'LAX', 'SFO', 'PHX', 'LAS', 'IAH', 'MSP', 'DTW', 'SEA']
const CARRIERS = ['WN', 'DL', 'AA', 'UA', 'US']

const { role, way, ring, bells, records, batchRecords, port } = workerData as ExchangePeerRequest
parentPort?.on('message', () => {
  const run = role === 'writer' ? write() : read()
  void run.then((checksum) => parentPort?.postMessage(checksum))
})
parentPort?.postMessage('ready')

function batchAt(first: number): RecordBatch {
  const batch = createBatch(true)
  const count = Math.min(batchRecords, records - first)
  for (let i = 0; i < count; i++) {
    const id = first + i
    const flight: Flight = {
      id,
      airport: AIRPORTS[id % AIRPORTS.length] as string,
      carrier: CARRIERS[id % CARRIERS.length] as string,
      delayMinutes: ((id * 37) % 240) - 20,
      distanceKm: 100 + ((id * 7919) % 4_000) / 8,
      departedAtMs: 1_700_000_000_000 + id * 250,
      isCancelled: id % 97 === 0,
    }
    batch.records.push(flight)
    batch.timestamps.push(flight.departedAtMs)
    batch.keyHashes?.push(id & 127)
  }
  return batch
}

async function write(): Promise<number> {
  if (way === 'post-message') {
    for (let first = 0; first < records; first += batchRecords) {
      port.postMessage(batchAt(first))
      if (first % (64 * batchRecords) === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    return 0
  }
  if (ring === undefined) return 0
  const bell = new Doorbell(bells.writer)
  const writer = new RingChannelWriter(ring, { readerWakeUp: new DoorbellRinger(bells.reader) })
  for (let first = 0; first < records; first += batchRecords) {
    const element: StreamElement = { kind: 'batch', batch: batchAt(first) }
    for (let looked = bell.look(); !writer.offer(element); looked = bell.look()) await bell.sleep(looked)
  }
  return 0
}

async function read(): Promise<number> {
  let sum = 0
  let count = 0
  const add = (batch: RecordBatch): void => {
    for (const record of batch.records as Flight[]) sum += record.delayMinutes
    count += batch.records.length
  }
  if (way === 'create-only') for (let first = 0; first < records; first += batchRecords) add(batchAt(first))
  if (way === 'post-message') {
    await new Promise<void>((resolve) => {
      port.on('message', (batch: RecordBatch) => {
        add(batch)
        if (count === records) resolve()
      })
    })
  }
  if (ring !== undefined) {
    const bell = new Doorbell(bells.reader)
    const reader = new RingChannelReader(ring, { writerWakeUp: new DoorbellRinger(bells.writer) })
    while (count < records) {
      const looked = bell.look()
      for (let element = reader.poll(); element !== undefined; element = reader.poll()) {
        if (element.kind === 'batch') add(element.batch)
      }
      if (count < records) await bell.sleep(looked)
    }
  }
  return sum
}
