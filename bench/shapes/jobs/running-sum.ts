/** The sum of an auction's prices after each of its bids. */
import { defineJob, sum } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { RUNNING_SUM_KEYS } from '../shape-params.ts'
import { mixTotal } from '../shape-rows.ts'

export default defineJob({
  name: 'shape-running-sum',
  build(env, params) {
    bidStream(env, params, RUNNING_SUM_KEYS)
      .keyBy('auction')
      .aggregate({ total: sum('price') }, ({ total }, { key }) => ({ auction: key, total }), { uid: 'sums' })
      .to(digestSink(mixTotal), { uid: 'out' })
  },
})
