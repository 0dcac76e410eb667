import { RowDigest } from '../../digest/row-digest.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf, RUNNING_SUM_KEYS } from '../../shapes/shape-params.ts'
import { mixTotal } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'
import { NumberTable } from './number-table.ts'

/** One table of typed arrays. */
export function runningSumTyped(params: LoopParams): RowDigest {
  const bidAt = bidGenerator(bidOptionsOf(params, RUNNING_SUM_KEYS))
  const events = Number(params.events)
  const digest = new RowDigest()
  const totals = new NumberTable()
  for (let index = 0; index < events; index++) {
    const { auction, price } = bidAt(index)
    digest.add(mixTotal({ auction, total: totals.add(auction, price) }))
  }
  return digest
}
