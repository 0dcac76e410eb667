/** Of each sliding window the auctions with the most bids. */
import { defineJob, sliding, tumbling } from '@millrace/api'
import { allHighest } from '../../all-highest.ts'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { windowOf } from '../shape-params.ts'
import { mixWindowCount, type WindowCount } from '../shape-rows.ts'
import { windowCounts } from '../window-counts.ts'

export default defineJob({
  name: 'shape-sliding-best',
  build(env, params) {
    const { sizeMs, slideMs } = windowOf(params)
    windowCounts(bidStream(env, params), sliding({ size: `${sizeMs} ms`, slide: `${slideMs} ms` }))
      // One window ends with each slide, and its results have its last millisecond.
      .keyBy('windowEnd')
      .window(tumbling({ size: `${slideMs} ms` }))
      .aggregate({ best: allHighest<WindowCount>(({ count }) => count) }, { uid: 'best' })
      .flatMap(({ best }) => best, { uid: 'best-counts' })
      .to(digestSink(mixWindowCount), { uid: 'out' })
  },
})
