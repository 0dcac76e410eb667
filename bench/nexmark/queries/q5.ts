/** The auctions with the most bids of the last 10 seconds, every 2 seconds. */
import { count, defineJob, sliding, tumbling } from '@millrace/api'
import { allHighest } from '../../all-highest.ts'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { type AuctionCount, mixAuctionCount } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q5',
  build(env, params) {
    bidStream(env, params)
      .keyBy('auction')
      .window(sliding({ size: '10 s', slide: '2 s' }))
      .aggregate({ num: count() }, ({ num }, { key, window }) => ({ auction: key, num, windowEnd: window.end }), {
        uid: 'counts',
      })
      // One window ends every 2 s, and its results have its last millisecond.
      .keyBy('windowEnd')
      .window(tumbling({ size: '2 s' }))
      .aggregate({ hottest: allHighest<AuctionCount>(({ num }) => num) }, { uid: 'hottest' })
      .flatMap(({ hottest }) => hottest, { uid: 'auctions' })
      .to(digestSink(mixAuctionCount), { uid: 'out' })
  },
})
