/** Bids of each auction in each window. */
import { defineJob, tumbling } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { windowOf } from '../shape-params.ts'
import { mixWindowCount } from '../shape-rows.ts'
import { windowCounts } from '../window-counts.ts'

export default defineJob({
  name: 'shape-keyed-tumbling',
  build(env, params) {
    windowCounts(bidStream(env, params), tumbling({ size: `${windowOf(params).sizeMs} ms` })).to(
      digestSink(mixWindowCount),
      { uid: 'out' },
    )
  },
})
