import { RowDigest } from '../../digest/row-digest.ts'
import { mixWindowCount } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'
import { slidingCounts } from './sliding-counts.ts'

/** Every count of every window. */
export function sliding(params: LoopParams): RowDigest {
  const digest = new RowDigest()
  slidingCounts(params, (windowEnd, counts) => {
    for (const [auction, count] of counts) digest.add(mixWindowCount({ auction, windowEnd, count }))
  })
  return digest
}
