/** generator → filter → map → filter → map → digest, in one task. */
import { defineJob, generator } from '@millrace/api'
import { isDear, isWanted, numberOfTaxed, orderAt, price, tax } from './chain-steps.ts'
import { digestSink } from './digest-sink.ts'

export default defineJob({
  name: 'bench-chain',
  build(env, params) {
    env
      .from(generator({ generate: orderAt, records: Number(params.events) }), { uid: 'orders' })
      .filter(isWanted, { uid: 'wanted' })
      .map(price, { uid: 'price' })
      .filter(isDear, { uid: 'dear' })
      .map(tax, { uid: 'tax' })
      .to(digestSink(numberOfTaxed), { uid: 'out' })
  },
})
