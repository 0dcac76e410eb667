/** Counts by key over an exchange, for as long as nobody ends it. */
import { collect, defineJob, generator } from '@millrace/api'

export default defineJob({
  name: 'counts by key',
  build(env) {
    env
      .from(generator({ records: 1_000_000_000, perSecond: 200, generate: (index) => ({ index, key: index % 7 }) }), {
        uid: 'numbers',
      })
      .map(({ key }) => ({ key, one: 1 }), { uid: 'ones' })
      .keyBy('key')
      .reduce((a, b) => ({ key: a.key, one: a.one + b.one }), { uid: 'sums' })
      .filter(() => false)
      .to(collect('sums'), { uid: 'out' })
  },
})
