/** What the job over large input gives, by one map per window on one thread. */
import process from 'node:process'
import { RowDigest } from '../digest/row-digest.ts'
import { printMeasured } from '../measured-process.ts'
import { messageAt, mixVolume, unitsOf, WINDOW_MS } from './large-input-records.ts'

const events = Number(process.argv[2])
const digest = new RowDigest()
let end = WINDOW_MS
let volumes = new Map<string, { messages: number; units: number }>()
for (let index = 0; index < events; index++) {
  const message = messageAt(index)
  if (message.at >= end) close()
  const volume = volumes.get(message.key) ?? { messages: 0, units: 0 }
  volume.messages++
  volume.units += unitsOf(message)
  volumes.set(message.key, volume)
}
close()
printMeasured(digest, { setupCpuSeconds: 0 })

/** Records are in order of time, so one window is open. */
function close(): void {
  for (const [key, { messages, units }] of volumes) digest.add(mixVolume({ key, end, messages, units }))
  volumes = new Map()
  end += WINDOW_MS
}
