/** Much input with payloads: two splits, an exchange by key, and an aggregate per key and tumbling window. */
import { ascending, count, defineJob, generator, sum, tumbling } from '@millrace/api'
import { digestSink } from '../digest/digest-sink.ts'
import { messageAt, mixVolume, unitsOf, WINDOW_MS } from './large-input-records.ts'

export default defineJob({
  name: 'bench-large-input',
  build(env, params) {
    env
      .from(generator({ generate: messageAt, records: Number(params.events), splits: 2 }), {
        uid: 'messages',
        watermarks: ascending((message) => message.at),
      })
      .keyBy('key')
      .window(tumbling({ size: `${WINDOW_MS} ms` }))
      .aggregate(
        { messages: count(), units: sum(unitsOf) },
        ({ messages, units }, { key, window }) => ({ key, end: window.end, messages, units }),
        { uid: 'volumes' },
      )
      .to(digestSink(mixVolume), { uid: 'out' })
  },
})
