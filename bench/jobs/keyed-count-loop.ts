/** What the keyed count gives, by one map per window on one thread. */
import process from 'node:process'
import { RowDigest } from '../digest/row-digest.ts'
import { printMeasured } from '../measured-process.ts'
import { clickAt, mixClicks, WINDOW_MS } from './keyed-count-records.ts'

const events = Number(process.argv[2])
const digest = new RowDigest()
let end = WINDOW_MS
let counts = new Map<number, number>()
for (let index = 0; index < events; index++) {
  const { key, at } = clickAt(index)
  if (at >= end) close()
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
close()
printMeasured(digest, { setupCpuSeconds: 0 })

/** Records are in order of time, so one window is open. */
function close(): void {
  for (const [key, n] of counts) digest.add(mixClicks({ key, end, n }))
  counts = new Map()
  end += WINDOW_MS
}
