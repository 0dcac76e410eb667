/** The bids of Nexmark alone, at an even rate; their auctions as in Nexmark, or spread evenly over a number of keys. */
import { hashIndex, mix32, pick32 } from '../../nexmark/generator/integer-hash.ts'
import type { Bid } from '../../nexmark/generator/nexmark-event.ts'
import {
  DEFAULT_NEXMARK_OPTIONS,
  EVENTS_PER_GROUP,
  FIRST_AUCTION_ID,
  FIRST_BID_OF_GROUP,
  type NexmarkOptions,
  nexmarkBids,
} from '../../nexmark/generator/nexmark-generator.ts'

export interface BidOptions extends NexmarkOptions {
  /** How many auctions there are, all as likely as each other; at most 2^31. Default 0: those of Nexmark. */
  readonly keys?: number
}

const BIDS_PER_GROUP = EVENTS_PER_GROUP - FIRST_BID_OF_GROUP
const DRAW_KEY = 0x6a09e667

/** Gives the bid of a number, from 0 on; `eventsPerSecond` counts bids. */
export function bidGenerator({ keys = 0, ...nexmark }: BidOptions = {}): (index: number) => Bid {
  const { seed, eventsPerSecond, baseTimeMs } = { ...DEFAULT_NEXMARK_OPTIONS, ...nexmark }
  const { numberOf, bidAt } = nexmarkBids(nexmark)
  const seedHash = mix32(seed)

  return function nextBid(index) {
    const number = numberOf(index)
    const group = Math.floor((number + 0.5) * (1 / BIDS_PER_GROUP))
    const place = number - group * BIDS_PER_GROUP
    const dateTime = baseTimeMs + Math.floor((number * 1_000) / eventsPerSecond)
    const auction =
      keys === 0 ? undefined : FIRST_AUCTION_ID + pick32(mix32(hashIndex(number, seedHash) ^ DRAW_KEY), keys)
    return bidAt(group * EVENTS_PER_GROUP + FIRST_BID_OF_GROUP + place, group, dateTime, auction)
  }
}
