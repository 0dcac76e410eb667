/** Jobs whose memory grows without end, each in another way; for the rule that a slot fails itself in time. */
import { defineJob, generator, keyedProcess, listState, mapState, type Sink, type, valueState } from '@millrace/api'

export const GROWTHS = [
  'many keys',
  'growing values',
  'long strings',
  'typed arrays',
  'list state',
  'map state',
  'growing Map outside of state',
  'growing array outside of state',
] as const
export type Growth = (typeof GROWTHS)[number]

interface Item {
  readonly key: number
  readonly index: number
}

export default defineJob({
  name: 'growing-state',
  build(env, params) {
    const growth = String(params.growth) as Growth
    const records = params.records === undefined ? {} : { records: Number(params.records) }
    const keys = growth === 'many keys' ? Number.MAX_SAFE_INTEGER : 16
    env
      .from(generator({ generate: (index): Item => ({ key: index % keys, index }), ...records }), { uid: 'items' })
      .keyBy('key')
      .process(growing(growth, params.garbage === true), { uid: 'grow' })
      .to(discard(), { uid: 'out' })
  },
})

const outside: unknown[] = []
const outsideMap = new Map<number, object>()

function growing(growth: Growth, garbage: boolean) {
  return keyedProcess({
    state: {
      small: valueState<number>(),
      grown: valueState<unknown>(),
      list: listState<string>(),
      map: mapState<number, string>(),
    },
    emits: type<number>(),
    onRecord({ index }: Item, ctx) {
      ctx.state.small.set(index)
      // Much that is made and dropped: what counts is what is kept.
      if (garbage) {
        ctx.emit(new Array<number>(2_000).fill(index).length)
        return
      }
      grow(growth, index, ctx.state)
    },
  })
}

interface Handles {
  readonly grown: { get(): unknown; set(value: unknown): void }
  readonly list: { add(value: string): void }
  readonly map: { set(key: number, value: string): void }
}

function grow(growth: Growth, index: number, state: Handles): void {
  switch (growth) {
    case 'many keys':
      state.grown.set({ index, text: `value of ${index}` })
      break
    case 'growing values':
      // Few keys, whose values grow; in steps, since every write of a value looks at all of it.
      state.grown.set(new Array<number>(1 + index * 2_000).fill(index))
      break
    case 'long strings':
      state.list.add(`${index} `.padEnd(10_000, String(index)))
      break
    case 'typed arrays': {
      const arrays = (state.grown.get() as Uint8Array[] | undefined) ?? []
      arrays.push(new Uint8Array(10_000))
      state.grown.set(arrays)
      break
    }
    case 'list state':
      state.list.add(`item ${index}`)
      break
    case 'map state':
      state.map.set(index, `item ${index}`)
      break
    case 'growing Map outside of state':
      outsideMap.set(index, { index })
      break
    case 'growing array outside of state':
      outside.push({ index })
      break
  }
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
