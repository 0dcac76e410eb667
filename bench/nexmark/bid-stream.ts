/**
 * The stream of bids that all queries begin with. Parameters of the jobs: `events`; `splits`, default 1; and the options of
 * the generator, `seed`, `eventsPerSecond`, `baseTimeMs`, `outOfOrderGroupSize`.
 */
import { boundedOutOfOrderness, type DataStream, type Env, generator, type UncheckedParams } from '@millrace/api'
import type { Bid, NexmarkEvent } from './generator/nexmark-event.ts'
import { nexmarkGenerator } from './generator/nexmark-generator.ts'
import { nexmarkOptionsOf } from './generator-params.ts'

const isBid = (event: NexmarkEvent): event is Bid => event.kind === 'bid'

export function bidStream(env: Env, params: UncheckedParams): DataStream<Bid> {
  return env
    .from(
      generator({
        generate: nexmarkGenerator(nexmarkOptionsOf(params)),
        records: Number(params.events),
        splits: Number(params.splits ?? 1),
      }),
      { uid: 'events', watermarks: boundedOutOfOrderness('4 s', (event) => event.dateTime) },
    )
    .filter(isBid, { uid: 'bids' })
}
