/** Bids of each bidder in each 10 seconds. */
import { count, defineJob, tumbling } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { mixBidderCount } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q12',
  build(env, params) {
    bidStream(env, params)
      .keyBy('bidder')
      .window(tumbling({ size: '10 s' }))
      .aggregate(
        { bidCount: count() },
        ({ bidCount }, { key, window }) => ({ bidder: key, bidCount, startTime: window.start, endTime: window.end }),
        { uid: 'counts' },
      )
      .to(digestSink(mixBidderCount), { uid: 'out' })
  },
})
