import { ascending, count, defineJob, keyedProcess, listState, sliding, type } from 'millrace'
import { csvFiles, csvSink } from 'millrace/files'
import { z } from 'zod'

export default defineJob({
  name: 'hot-items',
  params: z.object({ input: z.string(), output: z.string(), top: z.coerce.number().int().positive().default(3) }),
  build(env, { input, output, top }) {
    env
      .from(
        csvFiles(input, { columns: { user: 'int', item: 'int', category: 'int', behavior: 'string', at: 'int' } }),
        {
          uid: 'behaviors',
          watermarks: ascending((behavior) => behavior.at * 1_000),
        },
      )
      .filter((behavior) => behavior.behavior === 'pv')
      .keyBy('item')
      .window(sliding({ size: '1 h', slide: '5 min' }))
      .aggregate(
        { views: count() },
        ({ views }, { key, window }) => ({ start: window.start, end: window.end, item: key, views }),
        { uid: 'views' },
      )
      .keyBy('end')
      .process(mostViewed(top), { uid: 'top' })
      .to(csvSink(output, { columns: ['start', 'end', 'rank', 'item', 'views'] }), { uid: 'out' })
  },
})

type ItemViews = { start: number; end: number; item: number; views: number }
type RankedItem = { start: number; end: number; rank: number; item: number; views: number }

/** Collects the items of a window; when the watermark reaches its end, all of them are there. */
const mostViewed = (top: number) =>
  keyedProcess({
    state: { items: listState<ItemViews>() },
    emits: type<RankedItem>(),
    onRecord(item: ItemViews, ctx) {
      ctx.state.items.add(item)
      ctx.timers.eventTime(item.end)
    },
    onTimer(_at, ctx) {
      const ranked = ctx.state.items.get().toSorted((a, b) => b.views - a.views || a.item - b.item)
      ctx.state.items.clear()
      for (const [index, { start, end, item, views }] of ranked.slice(0, top).entries()) {
        ctx.emit({ start: start / 1_000, end: end / 1_000, rank: index + 1, item, views })
      }
    },
  })
