import { RowDigest } from '../../digest/row-digest.ts'
import { mixWindowCount } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'
import { slidingCounts } from './sliding-counts.ts'

/** The largest counts of every window. */
export function slidingBest(params: LoopParams): RowDigest {
  const digest = new RowDigest()
  slidingCounts(params, (windowEnd, counts) => {
    let best = 0
    for (const count of counts.values()) if (count > best) best = count
    for (const [auction, count] of counts) {
      if (count === best) digest.add(mixWindowCount({ auction, windowEnd, count }))
    }
  })
  return digest
}
