/** filter → map → map → sink, in one task. Three of four records pass. */
import { defineJob } from '@millrace/api'
import { latencySink } from '../latency-sink.ts'
import { latencyParamsOf, orderStream } from '../order-stream.ts'

export default defineJob({
  name: 'latency-chain',
  build(env, params) {
    orderStream(env, params)
      .filter(({ index }) => index % 4 !== 0, { uid: 'wanted' })
      .map(({ key, amount, dueMs }) => ({ key, cents: amount * 100, dueMs }), { uid: 'converted' })
      .map(({ key, cents, dueMs }) => ({ key, fee: Math.floor(cents / 50), dueMs }), { uid: 'fees' })
      .to(latencySink(latencyParamsOf(params).warmUpMs), { uid: 'out' })
  },
})
