/** One value for each key, two numbers, and then records without an end that change one key after the other. */
import { defineJob, generator } from '@millrace/api'
import { digestSink } from '../digest/digest-sink.ts'
import { mixVolume } from './large-input-records.ts'

export default defineJob({
  name: 'bench-kept-state',
  build(env, params) {
    const keys = Number(params.keys)
    env
      .from(
        generator({
          generate: (index) => ({ key: index % keys, count: 1, sum: index % 1_000 }),
          splits: Number(params.splits),
        }),
        { uid: 'records' },
      )
      .keyBy('key')
      .reduce((kept, { key, sum }) => ({ key, count: kept.count + 1, sum: kept.sum + sum }), { uid: 'kept' })
      .filter(({ count }) => count < 0)
      .map(({ key, count, sum }) => ({ key: `${key}`, end: 0, messages: count, units: sum }))
      .to(digestSink(mixVolume), { uid: 'out' })
  },
})
