/** What the job over large input gives, by one map per window on one thread. */
import process from 'node:process'
import { messageAt, numberOfVolume, unitsOf, WINDOW_MS } from '../jobs/large-input-records.ts'
import { printMeasured } from '../measured-process.ts'

const events = Number(process.argv[2])
let records = 0
let sum = 0
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
printMeasured({ records, sum })

/** Records are in order of time, so one window is open. */
function close(): void {
  for (const [key, { messages, units }] of volumes) sum += numberOfVolume({ key, end, messages, units })
  records += volumes.size
  volumes = new Map()
  end += WINDOW_MS
}
