/**
 * The count of each key in windows of 100 ms. A window's rows are due when it ends: from then on records may come that let it
 * fire, so what the watermark waits for counts as latency.
 */
import { count, defineJob, tumbling } from '@millrace/api'
import { latencySink } from '../latency-sink.ts'
import { latencyParamsOf, orderStream } from '../order-stream.ts'

export default defineJob({
  name: 'latency-window',
  build(env, params) {
    orderStream(env, params)
      .keyBy('key')
      .window(tumbling({ size: '100 ms' }))
      .aggregate({ count: count() }, ({ count }, { key, window }) => ({ key, count, dueMs: window.end }), {
        uid: 'counts',
      })
      .to(latencySink(latencyParamsOf(params).warmUpMs), { uid: 'out' })
  },
})
