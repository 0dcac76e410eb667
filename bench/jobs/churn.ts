/** Keys that are written a few times and then cleared, others in their place, beside some that stay. */
import { defineJob, generator, keyedProcess, type, valueState } from '@millrace/api'
import { digestSink } from '../digest/digest-sink.ts'
import { mixVolume } from './large-input-records.ts'

const STAYING_KEYS = 5_000
const RECORDS_PER_KEY = 8

interface Touch {
  readonly key: number
  readonly isLast: boolean
}

/** Every tenth record is of a key that stays; they come in turn. */
function touchAt(index: number): Touch {
  if (index % 10 === 0) return { key: -1 - ((index / 10) % STAYING_KEYS), isLast: false }
  return { key: Math.floor(index / RECORDS_PER_KEY), isLast: index % RECORDS_PER_KEY === RECORDS_PER_KEY - 1 }
}

const touches = keyedProcess({
  state: { kept: valueState<{ readonly n: number; readonly text: string }>() },
  emits: type<{ readonly key: string; readonly end: number; readonly messages: number; readonly units: number }>(),
  onRecord({ key, isLast }: Touch, ctx) {
    if (isLast) ctx.state.kept.clear()
    else ctx.state.kept.set({ n: (ctx.state.kept.get()?.n ?? 0) + 1, text: 'x'.repeat(Math.abs(key) % 90) })
  },
})

export default defineJob({
  name: 'bench-churn',
  build(env) {
    env
      .from(generator({ perSecond: 100_000, generate: touchAt }), { uid: 'touches' })
      .keyBy('key')
      .process(touches, { uid: 'kept' })
      .to(digestSink(mixVolume), { uid: 'out' })
  },
})
