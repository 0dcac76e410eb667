import { RowDigest } from '../../digest/row-digest.ts'
import { charge, convert, isWanted } from '../../shapes/fee-steps.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf } from '../../shapes/shape-params.ts'
import { mixFee } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'

/** One call after the other. */
export function chain(params: LoopParams): RowDigest {
  const bidAt = bidGenerator(bidOptionsOf(params))
  const events = Number(params.events)
  const digest = new RowDigest()
  for (let index = 0; index < events; index++) {
    const bid = bidAt(index)
    if (isWanted(bid)) digest.add(mixFee(charge(convert(bid))))
  }
  return digest
}
