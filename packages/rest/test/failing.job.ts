/** Fails at its thirtieth record, in every attempt, each time with another message. */
import { collect, defineJob, generator } from '@millrace/api'

export default defineJob({
  name: 'failing',
  build(env) {
    env
      .from(generator({ records: 1_000_000_000, perSecond: 1_000, generate: (index) => index }), { uid: 'numbers' })
      .map(
        (index: number) => {
          if (index === 30) throw new Error(`no more at ${performance.now()}`, { cause: new TypeError('too many') })
          return index
        },
        { uid: 'limit' },
      )
      .to(collect('numbers'), { uid: 'out' })
  },
})
