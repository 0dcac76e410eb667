/** Bids of each auction in each sliding window. */
import { defineJob, sliding } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { windowOf } from '../shape-params.ts'
import { mixWindowCount } from '../shape-rows.ts'
import { windowCounts } from '../window-counts.ts'

export default defineJob({
  name: 'shape-sliding',
  build(env, params) {
    const { sizeMs, slideMs } = windowOf(params)
    windowCounts(bidStream(env, params), sliding({ size: `${sizeMs} ms`, slide: `${slideMs} ms` })).to(
      digestSink(mixWindowCount),
      { uid: 'out' },
    )
  },
})
