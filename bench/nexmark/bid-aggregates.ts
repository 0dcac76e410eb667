/** Aggregates of bids that several queries ask for. A rank is a level of prices: see README.md. */
import { count, countDistinct, sum } from '@millrace/api'
import type { Bid } from './generator/nexmark-event.ts'

type Rank = 1 | 2 | 3

function rankOf({ price }: Bid): Rank {
  if (price < 10_000) return 1
  return price < 1_000_000 ? 2 : 3
}

const bidsOfRank = (rank: Rank) => sum((bid: Bid) => (rankOf(bid) === rank ? 1 : 0))
const biddersOfRank = (rank: Rank) => countDistinct((bid: Bid) => (rankOf(bid) === rank ? bid.bidder : null))
const auctionsOfRank = (rank: Rank) => countDistinct((bid: Bid) => (rankOf(bid) === rank ? bid.auction : null))

export const rankedBids = {
  totalBids: count(),
  rank1Bids: bidsOfRank(1),
  rank2Bids: bidsOfRank(2),
  rank3Bids: bidsOfRank(3),
}

export const bidStatistics = {
  ...rankedBids,
  totalBidders: countDistinct((bid: Bid) => bid.bidder),
  rank1Bidders: biddersOfRank(1),
  rank2Bidders: biddersOfRank(2),
  rank3Bidders: biddersOfRank(3),
  totalAuctions: countDistinct((bid: Bid) => bid.auction),
  rank1Auctions: auctionsOfRank(1),
  rank2Auctions: auctionsOfRank(2),
  rank3Auctions: auctionsOfRank(3),
}
