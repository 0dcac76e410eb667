import { RowDigest } from '../../digest/row-digest.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf, windowOf } from '../../shapes/shape-params.ts'
import { mixWindowCount } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'

/** One map for the window that is open. */
export function keyedTumbling(params: LoopParams): RowDigest {
  const bidAt = bidGenerator(bidOptionsOf(params))
  const { sizeMs } = windowOf(params)
  const events = Number(params.events)
  const digest = new RowDigest()
  let counts = new Map<number, number>()
  let windowEnd = 0
  for (let index = 0; index < events; index++) {
    const { auction, dateTime } = bidAt(index)
    if (dateTime >= windowEnd) {
      close()
      windowEnd = (Math.floor(dateTime / sizeMs) + 1) * sizeMs
    }
    counts.set(auction, (counts.get(auction) ?? 0) + 1)
  }
  close()
  return digest

  function close(): void {
    for (const [auction, count] of counts) digest.add(mixWindowCount({ auction, windowEnd, count }))
    counts = new Map()
  }
}
