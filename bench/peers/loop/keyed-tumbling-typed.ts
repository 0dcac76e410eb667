import { RowDigest } from '../../digest/row-digest.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf, windowOf } from '../../shapes/shape-params.ts'
import { mixWindowCount } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'
import { NumberTable } from './number-table.ts'

/** One table of typed arrays for the window that is open. */
export function keyedTumblingTyped(params: LoopParams): RowDigest {
  const bidAt = bidGenerator(bidOptionsOf(params))
  const { sizeMs } = windowOf(params)
  const events = Number(params.events)
  const digest = new RowDigest()
  const counts = new NumberTable()
  let windowEnd = 0
  for (let index = 0; index < events; index++) {
    const { auction, dateTime } = bidAt(index)
    if (dateTime >= windowEnd) {
      close()
      windowEnd = (Math.floor(dateTime / sizeMs) + 1) * sizeMs
    }
    counts.add(auction, 1)
  }
  close()
  return digest

  function close(): void {
    const { keys, values } = counts
    for (let slot = 0; slot < keys.length; slot++) {
      const count = values[slot] as number
      if (count !== 0) digest.add(mixWindowCount({ auction: keys[slot] as number, windowEnd, count }))
    }
    counts.clear()
  }
}
