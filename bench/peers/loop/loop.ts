/**
 * The hand-written loops, what a programmer writes who needs none of what an engine gives: one thread, no state that
 * survives, records in order of time. They are the limit that an engine's cost is held against.
 */
import type { RowDigest } from '../../digest/row-digest.ts'
import { chain } from './chain.ts'
import { keyedTumbling } from './keyed-tumbling.ts'
import { keyedTumblingTyped } from './keyed-tumbling-typed.ts'
import { largeState } from './large-state.ts'
import type { LoopParams } from './loop-params.ts'
import { runningSum } from './running-sum.ts'
import { runningSumTyped } from './running-sum-typed.ts'
import { sliding } from './sliding.ts'
import { slidingBest } from './sliding-best.ts'
import { wide } from './wide.ts'

/** Gives the digest of the rows. */
export type Loop = (params: LoopParams) => RowDigest

/** By shape and variant. On one thread an exchange is nothing, so its loop is that of the chain. */
export const LOOPS: Readonly<Record<string, Readonly<Record<string, Loop>>>> = {
  chain: { loop: chain },
  exchange: { loop: chain },
  'keyed-tumbling': { loop: keyedTumbling, 'loop-typed': keyedTumblingTyped },
  sliding: { loop: sliding },
  'sliding-best': { loop: slidingBest },
  'running-sum': { loop: runningSum, 'loop-typed': runningSumTyped },
  wide: { loop: wide },
  'large-state': { loop: largeState },
}
