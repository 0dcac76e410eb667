/** Aggregates of bids that several queries ask for. A rank is a level of prices: see README.md. */
import { count, countDistinct, filtered } from '@millrace/api'
import type { Bid } from './generator/nexmark-event.ts'

const isRank1 = ({ price }: Bid) => price < 10_000
const isRank2 = ({ price }: Bid) => price >= 10_000 && price < 1_000_000
const isRank3 = ({ price }: Bid) => price >= 1_000_000

const bidders = countDistinct<Bid>('bidder')
const auctions = countDistinct<Bid>('auction')

export const rankedBids = {
  totalBids: count(),
  rank1Bids: filtered(count(), isRank1),
  rank2Bids: filtered(count(), isRank2),
  rank3Bids: filtered(count(), isRank3),
}

export const bidStatistics = {
  ...rankedBids,
  totalBidders: bidders,
  rank1Bidders: filtered(bidders, isRank1),
  rank2Bidders: filtered(bidders, isRank2),
  rank3Bidders: filtered(bidders, isRank3),
  totalAuctions: auctions,
  rank1Auctions: filtered(auctions, isRank1),
  rank2Auctions: filtered(auctions, isRank2),
  rank3Auctions: filtered(auctions, isRank3),
}
