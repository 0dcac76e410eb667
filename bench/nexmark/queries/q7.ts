/** The highest bids of every 10 seconds. */
import { defineJob, tumbling } from '@millrace/api'
import { allHighest } from '../../all-highest.ts'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import type { Bid } from '../generator/nexmark-event.ts'
import { mixPassedBid } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q7',
  build(env, params) {
    bidStream(env, params)
      .keyBy(() => 'all')
      .window(tumbling({ size: '10 s' }))
      .aggregate({ highest: allHighest<Bid>(({ price }) => price) }, { uid: 'highest' })
      .flatMap(({ highest }) => highest, { uid: 'highest-bids' })
      .to(digestSink(mixPassedBid), { uid: 'out' })
  },
})
