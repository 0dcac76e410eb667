/** The stream of bids that all shapes but wide begin with; parameters in `shape-params.ts`. */
import { boundedOutOfOrderness, type DataStream, type Env, generator, type UncheckedParams } from '@millrace/api'
import type { Bid } from '../nexmark/generator/nexmark-event.ts'
import { bidGenerator } from './generator/bid-generator.ts'
import { bidOptionsOf } from './shape-params.ts'

/** `keys`: what they are by default, see `bidOptionsOf`. */
export function bidStream(env: Env, params: UncheckedParams, keys?: number): DataStream<Bid> {
  return env.from(
    generator({
      generate: bidGenerator(bidOptionsOf(params, keys)),
      records: Number(params.events),
      splits: Number(params.splits ?? 1),
    }),
    { uid: 'bids', watermarks: boundedOutOfOrderness('4 s', (bid) => bid.dateTime) },
  )
}
