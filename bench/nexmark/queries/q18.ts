/** The last bid of each bidder on each auction; a row for each bid that is not older than the last one so far. */
import { defineJob, keyedProcess, type, valueState } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import type { Bid } from '../generator/nexmark-event.ts'
import { mixWholeBid } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q18',
  build(env, params) {
    bidStream(env, params)
      .keyBy(({ bidder, auction }) => [bidder, auction])
      .process(keepLast, { uid: 'last' })
      .to(digestSink(mixWholeBid), { uid: 'out' })
  },
})

/** The time is enough: a row that was emitted is never taken back. */
const keepLast = keyedProcess({
  state: { lastTime: valueState<number>() },
  emits: type<Bid>(),
  onRecord(bid: Bid, ctx) {
    if (bid.dateTime < (ctx.state.lastTime.get() ?? 0)) return
    ctx.state.lastTime.set(bid.dateTime)
    ctx.emit(bid)
  },
})
