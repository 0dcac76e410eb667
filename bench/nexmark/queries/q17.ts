/** Bids and prices of an auction and day; a row for each bid. */
import { defineJob, max, min, sum } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { rankedBids } from '../bid-aggregates.ts'
import { bidStream } from '../bid-stream.ts'
import { dayOf, dayText } from '../calendar.ts'
import { mixAuctionStatistics } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q17',
  build(env, params) {
    bidStream(env, params)
      .keyBy(({ auction, dateTime }) => [auction, dayOf(dateTime)])
      .aggregate(
        { ...rankedBids, minPrice: min('price'), maxPrice: max('price'), sumPrice: sum('price') },
        (prices, { key: [auction, day] }) => ({
          ...prices,
          auction,
          day: dayText(day),
          avgPrice: Math.floor(prices.sumPrice / prices.totalBids),
        }),
        { uid: 'auctions' },
      )
      .to(digestSink(mixAuctionStatistics), { uid: 'out' })
  },
})
