/** Bids, distinct bidders and distinct auctions of a day by level of price; a row for each bid. */
import { defineJob } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStatistics } from '../bid-aggregates.ts'
import { bidStream } from '../bid-stream.ts'
import { dayOf, dayText } from '../calendar.ts'
import { mixDayStatistics } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q15',
  build(env, params) {
    bidStream(env, params)
      .keyBy(({ dateTime }) => dayOf(dateTime))
      .aggregate(bidStatistics, (statistics, { key }) => ({ ...statistics, day: dayText(key) }), { uid: 'days' })
      .to(digestSink(mixDayStatistics), { uid: 'out' })
  },
})
