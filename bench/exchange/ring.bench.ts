/**
 * How fast records of seven fields cross from one thread to another: batches encoded into a shared ring, and for
 * comparison one `postMessage` per batch. Figures are per CPU second of the whole process, both threads included.
 *
 * Run: node --conditions=@millrace/source bench/exchange/ring.bench.ts
 */
import { once } from 'node:events'
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { createDoorbell, createRing } from '@millrace/runtime'
import type { ExchangePeerRequest, ExchangeWay } from './exchange-peer.worker.ts'

const BATCH_RECORDS = 1_024
const runs: { readonly way: ExchangeWay; readonly ringBytes: number; readonly records: number }[] = [
  { way: 'ring', ringBytes: 64 * 1_024, records: 4_000_000 },
  { way: 'ring', ringBytes: 256 * 1_024, records: 4_000_000 },
  { way: 'ring', ringBytes: 1_024 * 1_024, records: 4_000_000 },
  { way: 'post-message', ringBytes: 0, records: 1_000_000 },
  { way: 'create-only', ringBytes: 0, records: 4_000_000 },
]

for (const { way, ringBytes, records } of runs) {
  const request = (role: ExchangePeerRequest['role']): ExchangePeerRequest => ({
    role,
    way,
    ring: ringBytes === 0 ? undefined : ring,
    bells,
    records,
    batchRecords: BATCH_RECORDS,
    port: role === 'reader' ? ports.port1 : ports.port2,
  })
  const ring = ringBytes === 0 ? undefined : createRing({ capacityBytes: ringBytes })
  const bells = { reader: createDoorbell(), writer: createDoorbell() }
  const ports = new MessageChannel()
  const url = new URL('./exchange-peer.worker.ts', import.meta.url)
  const reader = new Worker(url, { workerData: request('reader'), transferList: [ports.port1] })
  const writer = new Worker(url, { workerData: request('writer'), transferList: [ports.port2] })
  await Promise.all([once(reader, 'message'), once(writer, 'message')])
  const cpuBefore = process.cpuUsage()
  const startedAtMs = performance.now()
  const done = [once(reader, 'message'), once(writer, 'message')]
  reader.postMessage('go')
  writer.postMessage('go')
  const [[checksum]] = (await Promise.all(done)) as [[number], [number]]
  const wallSeconds = (performance.now() - startedAtMs) / 1_000
  const cpu = process.cpuUsage(cpuBefore)
  const cpuSeconds = (cpu.user + cpu.system) / 1e6
  await Promise.all([reader.terminate(), writer.terminate()])
  const label = way === 'ring' ? `ring of ${ringBytes / 1_024} KiB` : way
  console.log(
    `${label.padEnd(18)} ${(records / cpuSeconds / 1e6).toFixed(2)} M records/s of CPU, ` +
      `${(records / wallSeconds / 1e6).toFixed(2)} M records/s of time (checksum ${checksum})`,
  )
}
