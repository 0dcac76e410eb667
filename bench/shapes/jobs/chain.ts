/** filter → map → map, in one task. */
import { defineJob } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { charge, convert, isWanted } from '../fee-steps.ts'
import { mixFee } from '../shape-rows.ts'

export default defineJob({
  name: 'shape-chain',
  build(env, params) {
    bidStream(env, params)
      .filter(isWanted, { uid: 'wanted' })
      .map(convert, { uid: 'converted' })
      .map(charge, { uid: 'fees' })
      .to(digestSink(mixFee), { uid: 'out' })
  },
})
