/** A source that is as fast as it may be, an exchange by key, another one, and a sink that takes one record per turn of the event loop. */
import { setImmediate } from 'node:timers/promises'
import { defineJob, generator, keyedProcess, type Sink, type } from '@millrace/api'

interface Measurement {
  readonly key: number
  readonly text: string
}

export default defineJob({
  name: 'slow-sink',
  build(env, params) {
    const { records, textUnits } = params as { readonly records: number; readonly textUnits: number }
    env
      .from(generator({ generate: measurement(textUnits), records, splits: 2 }), { uid: 'measurements' })
      .keyBy('key')
      .process(pass, { uid: 'pass' })
      .rebalance()
      .to(slowSink(), { uid: 'out', parallelism: 1 })
  },
})

const pass = keyedProcess({
  emits: type<Measurement>(),
  onRecord: (record: Measurement, ctx) => ctx.emit(record),
})

function measurement(textUnits: number): (index: number) => Measurement {
  return (index) => ({ key: index % 97, text: `${index} `.padEnd(textUnits, '.') })
}

function slowSink(): Sink<Measurement> {
  return {
    kind: 'slow',
    options: {},
    guarantee: 'at-least-once',
    batchRecordsMax: 4,
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
