import { ascending, count, countDistinct, defineJob, sum, tumbling } from 'millrace'
import { csvFiles, csvSink } from 'millrace/files'
import { z } from 'zod'

type Behavior = { user: number; behavior: string; at: number }

const isView = ({ behavior }: Behavior) => behavior === 'pv'

export default defineJob({
  name: 'page-views',
  params: z.object({ input: z.string(), output: z.string() }),
  build(env, { input, output }) {
    env
      .from(
        csvFiles(input, {
          columns: {
            user: { type: 'int', index: 0 },
            behavior: { type: 'string', index: 3 },
            at: { type: 'int', index: 4 },
          },
        }),
        { uid: 'behaviors', watermarks: ascending((behavior) => behavior.at * 1_000) },
      )
      // One key for all: its aggregates are combined before the exchange, so little of it meets in one place.
      .keyBy(() => 'all')
      .window(tumbling({ size: '1 h' }))
      .aggregate(
        {
          views: sum((behavior) => (isView(behavior) ? 1 : 0)),
          viewers: countDistinct((behavior) => (isView(behavior) ? behavior.user : null)),
          events: count(),
          users: countDistinct('user'),
        },
        (counts, { window }) => ({ start: window.start / 1_000, end: window.end / 1_000, ...counts }),
        { uid: 'hourly' },
      )
      .to(csvSink(output, { columns: ['start', 'end', 'views', 'viewers', 'events', 'users'] }), { uid: 'out' })
  },
})
