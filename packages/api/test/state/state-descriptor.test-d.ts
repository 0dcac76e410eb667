/** That what state gives cannot be changed in place, and that what was made of it can be set. Never run. */
import {
  aggregatingState,
  type DeepReadonly,
  keyedProcess,
  last,
  listState,
  mapState,
  reducingState,
  type,
  valueState,
} from '../../src/index.ts'
import { type Equal, expectType } from '../stream/expect-type.ts'

type Tally = { n: number; tags: string[] }
type Item = { tally: Tally }

keyedProcess({
  state: {
    value: valueState<Tally>(),
    list: listState<Tally>(),
    map: mapState<string, Tally>(),
    reducing: reducingState<Tally>((a, b) => ({ ...a, n: a.n + b.n })),
    aggregating: aggregatingState(last((item: Item) => item.tally)),
    untyped: valueState<unknown>(),
  },
  emits: type<DeepReadonly<Tally>>(),
  onRecord({ tally }: Item, ctx) {
    const { value, list, map, reducing, aggregating, untyped } = ctx.state
    const kept = value.get()
    expectType<Equal<typeof kept, { readonly n: number; readonly tags: readonly string[] } | undefined>>()
    if (kept === undefined) return
    // @ts-expect-error lost by the next failure: only `set` counts
    kept.n++
    // @ts-expect-error the same, deeper
    kept.tags.push('late')
    for (const item of list.get()) {
      // @ts-expect-error the same
      item.n++
    }
    // @ts-expect-error sorts in place
    list.get().sort()
    for (const item of [map.get('a') ?? kept, ...map.values(), ...[...map.entries()].map(([, entry]) => entry)]) {
      // @ts-expect-error the same
      item.n++
    }
    for (const item of [reducing.get() ?? kept, aggregating.get() ?? kept]) {
      // @ts-expect-error the same
      item.tags[0] = 'late'
    }

    value.set(tally)
    value.set({ ...kept, n: kept.n + 1 })
    value.set({ n: 1, tags: [...kept.tags, 'late'] })
    list.add(kept)
    list.set(list.get().toSorted((a, b) => a.n - b.n))
    for (const [key, entry] of map.entries()) map.set(key, { ...entry, n: 0 })
    reducing.add(kept)
    untyped.set(kept)
    ctx.emit(kept)
    // @ts-expect-error not a tally
    value.set({ ...kept, n: '1' })
    // @ts-expect-error not a tally
    value.set({ n: 1, tags: [], more: 1 })
  },
})

/** A function that keeps records of any type. */
export function previous<T>() {
  return keyedProcess({
    state: { kept: valueState<T>() },
    emits: type<DeepReadonly<T>>(),
    onRecord(record: T, ctx) {
      const kept = ctx.state.kept.get()
      if (kept !== undefined) ctx.emit(kept)
      ctx.state.kept.set(record)
    },
  })
}
