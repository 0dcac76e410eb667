/** A job that would run for a long time. */
import { collect, defineJob, generator } from '@millrace/api'

export default defineJob({
  name: 'counting',
  build(env) {
    env
      .from(generator({ records: 1_000_000_000, perSecond: 100, generate: (index) => ({ index }) }), { uid: 'numbers' })
      .to(collect('numbers'), { uid: 'out' })
  },
})
