/** Bids of each auction in each window: what the three shapes with windows begin with. */
import { count, type DataStream, type WindowAssigner } from '@millrace/api'
import type { Bid } from '../nexmark/generator/nexmark-event.ts'
import type { WindowCount } from './shape-rows.ts'

export function windowCounts(bids: DataStream<Bid>, windows: WindowAssigner): DataStream<WindowCount> {
  return bids
    .keyBy('auction')
    .window(windows)
    .aggregate({ count: count() }, ({ count }, { key, window }) => ({ auction: key, windowEnd: window.end, count }), {
      uid: 'counts',
    })
}
