/** The sum of each key after each of its records: an exchange by key, and a row for each record. */
import { aggregateFunction, defineJob, sum } from '@millrace/api'
import { latencySink } from '../latency-sink.ts'
import { latencyParamsOf, type Order, orderStream } from '../order-stream.ts'

/** When the record was due that came last; records of two splits need not come in that order. */
const latestDue = aggregateFunction<Order, number, number>({
  name: 'latestDue',
  create: () => 0,
  add: (_, { dueMs }) => dueMs,
  result: (dueMs) => dueMs,
})

export default defineJob({
  name: 'latency-keyed',
  build(env, params) {
    orderStream(env, params)
      .keyBy('key')
      .aggregate({ total: sum('amount'), dueMs: latestDue }, { uid: 'sums' })
      .to(latencySink(latencyParamsOf(params).warmUpMs), { uid: 'out' })
  },
})
