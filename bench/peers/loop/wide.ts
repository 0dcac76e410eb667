import { RowDigest } from '../../digest/row-digest.ts'
import { type Wide3, wideGenerators } from '../../shapes/generator/wide-generator.ts'
import { AMOUNT_MIN, wideFieldsOf, wideOptionsOf } from '../../shapes/shape-params.ts'
import { mixWide3, mixWide10, mixWide30, mixWide60 } from '../../shapes/wide-rows.ts'
import type { LoopParams } from './loop-params.ts'

/** On one thread there is nothing to exchange: the filter is left. */
export function wide(params: LoopParams): RowDigest {
  const generators = wideGenerators(wideOptionsOf(params))
  const events = Number(params.events)
  switch (wideFieldsOf(params)) {
    case 3:
      return largeAmounts(events, generators[3], mixWide3)
    case 10:
      return largeAmounts(events, generators[10], mixWide10)
    case 30:
      return largeAmounts(events, generators[30], mixWide30)
    case 60:
      return largeAmounts(events, generators[60], mixWide60)
  }
}

function largeAmounts<Wide extends Wide3>(
  events: number,
  recordAt: (index: number) => Wide,
  mix: (record: Wide) => number,
): RowDigest {
  const digest = new RowDigest()
  for (let index = 0; index < events; index++) {
    const record = recordAt(index)
    if (record.f2 >= AMOUNT_MIN) digest.add(mix(record))
  }
  return digest
}
