/** Bids on some auctions. */
import { defineJob } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { mixAuctionPrice } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q2',
  build(env, params) {
    bidStream(env, params)
      .filter(({ auction }) => auction % 123 === 0, { uid: 'some' })
      .map(({ auction, price }) => ({ auction, price }), { uid: 'prices' })
      .to(digestSink(mixAuctionPrice), { uid: 'out' })
  },
})
