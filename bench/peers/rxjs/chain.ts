import { filter, map, range } from 'rxjs'
import { RowDigest } from '../../digest/row-digest.ts'
import { charge, convert, isWanted } from '../../shapes/fee-steps.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf } from '../../shapes/shape-params.ts'
import { mixFee } from '../../shapes/shape-rows.ts'
import type { LoopParams } from '../loop/loop-params.ts'

/** An operator for each step. */
export function chain(params: LoopParams): RowDigest {
  const digest = new RowDigest()
  range(0, Number(params.events))
    .pipe(map(bidGenerator(bidOptionsOf(params))), filter(isWanted), map(convert), map(charge))
    .subscribe((fee) => digest.add(mixFee(fee)))
  return digest
}
