/** A source without end that is as fast as it may be, an exchange by key, another one, and a sink that takes ten records a second, or one every `recordMs`. */
import { defineJob, generator, keyedProcess, type Sink, type } from '@millrace/api'
import { DIGEST_ROWS } from '../digest/digest-sink.ts'

const RECORD_MS = 100

interface Measurement {
  readonly key: number
  readonly text: string
}

export default defineJob({
  name: 'bench-slow-sink',
  build(env, params) {
    env
      .from(generator({ generate: measurementAt, splits: 2 }), { uid: 'measurements' })
      .keyBy('key')
      .process(pass, { uid: 'pass' })
      .rebalance()
      .to(slowSink(Number(params.recordMs ?? RECORD_MS)), { uid: 'out', parallelism: 1 })
  },
})

const pass = keyedProcess({
  emits: type<Measurement>(),
  onRecord: (measurement: Measurement, ctx) => ctx.emit(measurement),
})

function measurementAt(index: number): Measurement {
  return { key: index % 97, text: `measurement ${index} `.padEnd(200, '.') }
}

function slowSink(recordMs: number): Sink<Measurement> {
  return {
    kind: 'slow',
    options: {},
    guarantee: 'at-least-once',
    batchRecordsMax: 1,
    async openWriter({ count }) {
      return {
        async write(records) {
          await new Promise((resolve) => setTimeout(resolve, recordMs))
          count(DIGEST_ROWS, records.length)
        },
        prepare: async () => ({ states: [], committables: [] }),
        close: async () => {},
      }
    },
  }
}
