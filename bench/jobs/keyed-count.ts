/** Small records from two splits, an exchange by key, and a count per key and tumbling window. */
import { ascending, count, defineJob, generator, tumbling } from '@millrace/api'
import { digestSink } from '../digest/digest-sink.ts'
import { clickAt, mixClicks, WINDOW_MS } from './keyed-count-records.ts'

export default defineJob({
  name: 'bench-keyed-count',
  build(env, params) {
    env
      .from(generator({ generate: clickAt, records: Number(params.events), splits: 2 }), {
        uid: 'clicks',
        watermarks: ascending((click) => click.at),
      })
      .keyBy('key')
      .window(tumbling({ size: `${WINDOW_MS} ms` }))
      .aggregate({ n: count() }, ({ n }, { key, window }) => ({ key, end: window.end, n }), { uid: 'counts' })
      .to(digestSink(mixClicks), { uid: 'out' })
  },
})
