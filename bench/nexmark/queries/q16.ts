/** Bids, distinct bidders and distinct auctions of a channel and day by level of price; a row for each bid. */
import { defineJob, max } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStatistics } from '../bid-aggregates.ts'
import { bidStream } from '../bid-stream.ts'
import { dayOf, dayText, minuteOf, minuteText } from '../calendar.ts'
import type { Bid } from '../generator/nexmark-event.ts'
import { mixChannelStatistics } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q16',
  build(env, params) {
    bidStream(env, params)
      .keyBy(({ channel, dateTime }) => [channel, dayOf(dateTime)])
      .aggregate(
        { ...bidStatistics, minute: max(({ dateTime }: Bid) => minuteOf(dateTime)) },
        (statistics, { key: [channel, day] }) => ({
          ...statistics,
          channel,
          day: dayText(day),
          minute: minuteText(statistics.minute),
        }),
        { uid: 'channels' },
      )
      .to(digestSink(mixChannelStatistics), { uid: 'out' })
  },
})
