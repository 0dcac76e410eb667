/** State that is several times the heap of its slot: a text for each key, and nothing else. */
import { defineJob, generator, keyedProcess, type Sink, type, valueState } from '@millrace/api'

interface Item {
  readonly key: number
}

export default defineJob({
  name: 'large-state',
  build(env, params) {
    const { records, textUnits } = params as { readonly records: number; readonly textUnits: number }
    env
      .from(generator({ generate: (key): Item => ({ key }), records }), { uid: 'items' })
      .keyBy('key')
      .process(keep(textUnits), { uid: 'keep' })
      .to(discard(), { uid: 'out' })
  },
})

function keep(textUnits: number) {
  return keyedProcess({
    state: { text: valueState<string>() },
    emits: type<number>(),
    onRecord({ key }: Item, ctx) {
      ctx.state.text.set(`${key} `.padEnd(textUnits, '.'))
    },
  })
}

function discard(): Sink<number> {
  return {
    kind: 'discard',
    options: {},
    guarantee: 'at-least-once',
    openWriter: async () => ({
      write: () => {},
      prepare: async () => ({ states: [], committables: [] }),
      close: async () => {},
    }),
  }
}
