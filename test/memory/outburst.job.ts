/** One call of user code that gives very much: at once by a process function, or bit by bit by a generator function. */
import { setImmediate } from 'node:timers/promises'
import { defineJob, generator, process as processFunction, type Sink, type } from '@millrace/api'

export default defineJob({
  name: 'outburst',
  build(env, params) {
    const { way, records, textUnits } = params as {
      readonly way: 'process' | 'flatMap'
      readonly records: number
      readonly textUnits: number
    }
    const seeds = env.from(generator({ generate: (index) => index, records: 2 }), { uid: 'seeds' })
    const texts =
      way === 'process'
        ? seeds.process(
            processFunction({
              emits: type<string>(),
              onRecord(seed: number, ctx) {
                for (const text of textsOf(seed, records, textUnits)) ctx.emit(text)
              },
            }),
            { uid: 'burst' },
          )
        : seeds.flatMap((seed) => textsOf(seed, records, textUnits), { uid: 'burst' })
    const target = params.exchange === true ? texts.rebalance() : texts
    target.to(slowSink(), { uid: 'out' })
  },
})

function* textsOf(seed: number, records: number, textUnits: number): Generator<string> {
  for (let i = 0; i < records; i++) yield `${seed}:${i} `.padEnd(textUnits, '.')
}

function slowSink(): Sink<string> {
  return {
    kind: 'slow',
    options: {},
    guarantee: 'at-least-once',
    openWriter: async ({ count }) => ({
      async write(records) {
        await setImmediate()
        count('written', records.length)
      },
      prepare: async () => ({ states: [], committables: [] }),
      close: async () => {},
    }),
  }
}
