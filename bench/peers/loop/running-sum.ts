import { RowDigest } from '../../digest/row-digest.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf, RUNNING_SUM_KEYS } from '../../shapes/shape-params.ts'
import { mixTotal } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'

/** One map. */
export function runningSum(params: LoopParams): RowDigest {
  const bidAt = bidGenerator(bidOptionsOf(params, RUNNING_SUM_KEYS))
  const events = Number(params.events)
  const digest = new RowDigest()
  const totals = new Map<number, number>()
  for (let index = 0; index < events; index++) {
    const { auction, price } = bidAt(index)
    const total = (totals.get(auction) ?? 0) + price
    totals.set(auction, total)
    digest.add(mixTotal({ auction, total }))
  }
  return digest
}
