/** What the keyed count gives, by one map per window on one thread. */
import process from 'node:process'
import { clickAt, numberOfClicks, WINDOW_MS } from '../jobs/keyed-count-records.ts'
import { printMeasured } from '../measured-process.ts'

const events = Number(process.argv[2])
let records = 0
let sum = 0
let end = WINDOW_MS
let counts = new Map<number, number>()
for (let index = 0; index < events; index++) {
  const { key, at } = clickAt(index)
  if (at >= end) close()
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
close()
printMeasured({ records, sum })

/** Records are in order of time, so one window is open. */
function close(): void {
  for (const [key, n] of counts) sum += numberOfClicks({ key, end, n })
  records += counts.size
  counts = new Map()
  end += WINDOW_MS
}
