/**
 * Makes the records of a job and drops them, so that the generator's share of a job can be told; keeps them for a while, as
 * a job would, for otherwise the compiler could leave the objects out.
 */
import { nexmarkGenerator } from '../../nexmark/generator/nexmark-generator.ts'
import { nexmarkOptionsOf } from '../../nexmark/generator-params.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { changeGenerator } from '../../shapes/generator/change-generator.ts'
import { wideGenerators } from '../../shapes/generator/wide-generator.ts'
import {
  bidOptionsOf,
  changeOptionsOf,
  RUNNING_SUM_KEYS,
  wideFieldsOf,
  wideOptionsOf,
} from '../../shapes/shape-params.ts'
import type { LoopParams } from './loop-params.ts'

const KEPT = 1_024

/** `shape`: undefined for the events of the queries. */
export function generateAlone(shape: string | undefined, params: LoopParams): readonly unknown[] {
  const recordAt = generatorOf(shape, params)
  const events = Number(params.events)
  const kept: unknown[] = Array.from({ length: KEPT })
  for (let index = 0; index < events; index++) kept[index & (KEPT - 1)] = recordAt(index)
  return kept
}

function generatorOf(shape: string | undefined, params: LoopParams): (index: number) => unknown {
  if (shape === undefined) return nexmarkGenerator(nexmarkOptionsOf(params))
  if (shape === 'wide') return wideGenerators(wideOptionsOf(params))[wideFieldsOf(params)]
  if (shape === 'large-state') return changeGenerator(changeOptionsOf(params))
  return bidGenerator(bidOptionsOf(params, shape === 'running-sum' ? RUNNING_SUM_KEYS : 0))
}
