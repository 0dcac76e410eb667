import { ascending, count, countDistinct, defineJob, keyedProcess, listState, tumbling, type } from 'millrace'
import { csvFiles, csvSink } from 'millrace/files'
import { z } from 'zod'

export default defineJob({
  name: 'wiki-channels',
  params: z.object({
    input: z.string(),
    output: z.string(),
    query: z.enum(['total', 'top3-10m']).default('total'),
  }),
  build(env, { input, output, query }) {
    const edits = env
      .from(csvFiles(input, { header: true, columns: { time_ms: 'int', channel: 'string', user_id: 'int' } }), {
        uid: 'edits',
        watermarks: ascending((edit) => edit.time_ms),
      })
      .keyBy('channel')

    switch (query) {
      case 'total':
        edits
          // One window from 1970 on that no input outlasts: it fires when the input ends.
          .window(tumbling({ size: '36500 d' }))
          .aggregate(
            { edits: count(), users: countDistinct('user_id') },
            ({ edits, users }, { key }) => ({ channel: key, edits, users }),
            { uid: 'total' },
          )
          .to(csvSink(output, { columns: ['channel', 'edits', 'users'] }), { uid: 'out' })
        break
      case 'top3-10m':
        edits
          .window(tumbling({ size: '10 min' }))
          .aggregate(
            { edits: count() },
            ({ edits }, { key, window }) => ({ start: window.start, end: window.end, channel: key, edits }),
            { uid: 'per-channel' },
          )
          .keyBy('end')
          .process(busiest(3), { uid: 'busiest' })
          .to(csvSink(output, { columns: ['start', 'end', 'rank', 'channel', 'edits'] }), { uid: 'out' })
    }
  },
})

type ChannelEdits = { start: number; end: number; channel: string; edits: number }
type RankedChannel = ChannelEdits & { rank: number }

/** Collects the channels of a window; when the watermark reaches its end, all of them are there. */
const busiest = (top: number) =>
  keyedProcess({
    state: { channels: listState<ChannelEdits>() },
    emits: type<RankedChannel>(),
    onRecord(channel: ChannelEdits, ctx) {
      ctx.state.channels.add(channel)
      ctx.timers.eventTime(channel.end)
    },
    onTimer(_at, ctx) {
      const ranked = ctx.state.channels.get().toSorted((a, b) => b.edits - a.edits || (a.channel < b.channel ? -1 : 1))
      ctx.state.channels.clear()
      for (const [index, channel] of ranked.slice(0, top).entries()) ctx.emit({ ...channel, rank: index + 1 })
    },
  })
