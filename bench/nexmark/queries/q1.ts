/** Every bid, its price in another currency. */
import { defineJob } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { mixConvertedBid } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q1',
  build(env, params) {
    bidStream(env, params)
      .map(
        ({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price: 0.908 * price, dateTime, extra }),
        { uid: 'converted' },
      )
      .to(digestSink(mixConvertedBid), { uid: 'out' })
  },
})
