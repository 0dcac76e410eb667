/** The job of the guide, typed from source to sink without a cast. Checked by the compiler, never run. */
import {
  ascending,
  collection,
  count,
  defineJob,
  type JobDefinition,
  keyedProcess,
  listState,
  print,
  type StandardSchema,
  sliding,
  type,
} from '../../src/index.ts'
import { type Equal, expectType } from './expect-type.ts'

type Behaviour = { user: number; item: number; category: number; behavior: string; at: number }
type ItemViews = { item: number; windowEnd: number; views: number }
type RankedItem = ItemViews & { rank: number }
type Params = { input: string; output: string; top: number }

declare const behaviours: Behaviour[]
declare const paramsSchema: StandardSchema<{ input: string; output: string; top?: unknown }, Params>
declare const byViewsThenItem: (a: ItemViews, b: ItemViews) => number

const job = defineJob({
  name: 'hot-items',
  params: paramsSchema,
  build(env, { input, output, top }) {
    expectType<Equal<typeof input, string>>()
    expectType<Equal<typeof output, string>>()
    env
      .from(collection(behaviours), {
        uid: 'behaviours',
        watermarks: ascending((b) => b.at * 1000),
      })
      .filter((b) => b.behavior === 'pv')
      .keyBy('item')
      .window(sliding({ size: '1 h', slide: '5 min' }))
      .aggregate({ views: count() }, ({ views }, { key, window }) => ({ item: key, windowEnd: window.end, views }), {
        uid: 'views',
      })
      .keyBy('windowEnd')
      .process(topN(top), { uid: 'top' })
      .to(print(), { uid: 'out' })
  },
})
expectType<Equal<typeof job, JobDefinition<Params>>>()

const topN = (n: number) =>
  keyedProcess({
    state: { rows: listState<ItemViews>() },
    emits: type<RankedItem>(),
    onRecord(row: ItemViews, ctx) {
      ctx.state.rows.add(row)
      // @ts-expect-error the state holds rows
      ctx.state.rows.add(1)
      // @ts-expect-error no such state
      ctx.state.row
      ctx.timers.eventTime(row.windowEnd + 1)
      // @ts-expect-error no state functions besides those of a list
      ctx.state.rows.push(row)
    },
    onTimer(_at, ctx) {
      const rows = ctx.state.rows.get().toSorted(byViewsThenItem).slice(0, n)
      ctx.state.rows.clear()
      rows.forEach((row, i) => {
        ctx.emit({ ...row, rank: i + 1 })
      })
      // @ts-expect-error a rank is missing
      for (const row of rows) ctx.emit(row)
    },
  })
