/** An exchange of wide records by key, then a filter. */
import { defineJob, type Env, generator, keyedProcess, type, type UncheckedParams } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { type Wide3, wideGenerators } from '../generator/wide-generator.ts'
import { AMOUNT_MIN, wideFieldsOf, wideOptionsOf } from '../shape-params.ts'
import { mixWide3, mixWide10, mixWide30, mixWide60 } from '../wide-rows.ts'

export default defineJob({
  name: 'shape-wide',
  build(env, params) {
    const wide = wideGenerators(wideOptionsOf(params))
    switch (wideFieldsOf(params)) {
      case 3:
        return largeAmounts(env, params, wide[3], mixWide3)
      case 10:
        return largeAmounts(env, params, wide[10], mixWide10)
      case 30:
        return largeAmounts(env, params, wide[30], mixWide30)
      case 60:
        return largeAmounts(env, params, wide[60], mixWide60)
    }
  },
})

function largeAmounts<Wide extends Wide3>(
  env: Env,
  params: UncheckedParams,
  generate: (index: number) => Wide,
  mix: (record: Wide) => number,
): void {
  const isLarge = keyedProcess({
    emits: type<Wide>(),
    onRecord(record: Wide, ctx) {
      if (record.f2 >= AMOUNT_MIN) ctx.emit(record)
    },
  })
  env
    .from(generator({ generate, records: Number(params.events), splits: Number(params.splits ?? 1) }), {
      uid: 'records',
    })
    .keyBy(({ f0 }): number => f0)
    .process(isLarge, { uid: 'large' })
    .to(digestSink(mix), { uid: 'out' })
}
