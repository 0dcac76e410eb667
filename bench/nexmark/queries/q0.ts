/** Every bid. */
import { defineJob } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { mixPassedBid } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q0',
  build(env, params) {
    bidStream(env, params).to(digestSink(mixPassedBid), { uid: 'out' })
  },
})
