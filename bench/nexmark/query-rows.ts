/**
 * The result rows of the Nexmark queries and how the digest mixes them: fields in this order, times in milliseconds,
 * amounts in cents. README.md says what each query asks; `bench/peers/flink` gives the same rows.
 */
import { mixDouble, mixInteger, mixString, ROW_START } from '../digest/row-digest.ts'

export interface PassedBid {
  readonly auction: number
  readonly bidder: number
  /** An integer; in query 1 a double. */
  readonly price: number
  readonly dateTime: number
  readonly extra: string
}

export interface AuctionPrice {
  readonly auction: number
  readonly price: number
}

export interface AuctionCount {
  readonly auction: number
  readonly num: number
}

export interface BidderCount {
  readonly bidder: number
  readonly bidCount: number
  readonly startTime: number
  readonly endTime: number
}

export interface RankedBids {
  readonly totalBids: number
  readonly rank1Bids: number
  readonly rank2Bids: number
  readonly rank3Bids: number
}

export interface BidStatistics extends RankedBids {
  readonly totalBidders: number
  readonly rank1Bidders: number
  readonly rank2Bidders: number
  readonly rank3Bidders: number
  readonly totalAuctions: number
  readonly rank1Auctions: number
  readonly rank2Auctions: number
  readonly rank3Auctions: number
}

export interface DayStatistics extends BidStatistics {
  /** As 2015-07-15, UTC. */
  readonly day: string
}

export interface ChannelStatistics extends DayStatistics {
  readonly channel: string
  /** The latest of the day so far, as 23:59. */
  readonly minute: string
}

export interface AuctionStatistics extends RankedBids {
  readonly auction: number
  readonly day: string
  readonly minPrice: number
  readonly maxPrice: number
  /** Rounded down. */
  readonly avgPrice: number
  readonly sumPrice: number
}

export interface WholeBid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}

export interface BidFolders {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly dir1: string
  readonly dir2: string
  readonly dir3: string
}

/** Queries 0 and 7. */
export function mixPassedBid(row: PassedBid): number {
  let hash = mixInteger(ROW_START, row.auction)
  hash = mixInteger(hash, row.bidder)
  hash = mixInteger(hash, row.price)
  hash = mixInteger(hash, row.dateTime)
  return mixString(hash, row.extra)
}

/** Query 1: the price is a double. */
export function mixConvertedBid(row: PassedBid): number {
  let hash = mixInteger(ROW_START, row.auction)
  hash = mixInteger(hash, row.bidder)
  hash = mixDouble(hash, row.price)
  hash = mixInteger(hash, row.dateTime)
  return mixString(hash, row.extra)
}

/** Query 2. */
export function mixAuctionPrice(row: AuctionPrice): number {
  return mixInteger(mixInteger(ROW_START, row.auction), row.price)
}

/** Query 5. */
export function mixAuctionCount(row: AuctionCount): number {
  return mixInteger(mixInteger(ROW_START, row.auction), row.num)
}

/** Query 12. */
export function mixBidderCount(row: BidderCount): number {
  let hash = mixInteger(ROW_START, row.bidder)
  hash = mixInteger(hash, row.bidCount)
  hash = mixInteger(hash, row.startTime)
  return mixInteger(hash, row.endTime)
}

/** Query 15. */
export function mixDayStatistics(row: DayStatistics): number {
  return mixBidStatistics(mixString(ROW_START, row.day), row)
}

/** Query 16. */
export function mixChannelStatistics(row: ChannelStatistics): number {
  let hash = mixString(ROW_START, row.channel)
  hash = mixString(hash, row.day)
  hash = mixString(hash, row.minute)
  return mixBidStatistics(hash, row)
}

/** Query 17. */
export function mixAuctionStatistics(row: AuctionStatistics): number {
  let hash = mixInteger(ROW_START, row.auction)
  hash = mixString(hash, row.day)
  hash = mixRankedBids(hash, row)
  hash = mixInteger(hash, row.minPrice)
  hash = mixInteger(hash, row.maxPrice)
  hash = mixInteger(hash, row.avgPrice)
  return mixInteger(hash, row.sumPrice)
}

/** Query 18. */
export function mixWholeBid(row: WholeBid): number {
  let hash = mixInteger(ROW_START, row.auction)
  hash = mixInteger(hash, row.bidder)
  hash = mixInteger(hash, row.price)
  hash = mixString(hash, row.channel)
  hash = mixString(hash, row.url)
  hash = mixInteger(hash, row.dateTime)
  return mixString(hash, row.extra)
}

/** Query 22. */
export function mixBidFolders(row: BidFolders): number {
  let hash = mixInteger(ROW_START, row.auction)
  hash = mixInteger(hash, row.bidder)
  hash = mixInteger(hash, row.price)
  hash = mixString(hash, row.channel)
  hash = mixString(hash, row.dir1)
  hash = mixString(hash, row.dir2)
  return mixString(hash, row.dir3)
}

function mixBidStatistics(from: number, row: BidStatistics): number {
  let hash = mixRankedBids(from, row)
  hash = mixInteger(hash, row.totalBidders)
  hash = mixInteger(hash, row.rank1Bidders)
  hash = mixInteger(hash, row.rank2Bidders)
  hash = mixInteger(hash, row.rank3Bidders)
  hash = mixInteger(hash, row.totalAuctions)
  hash = mixInteger(hash, row.rank1Auctions)
  hash = mixInteger(hash, row.rank2Auctions)
  return mixInteger(hash, row.rank3Auctions)
}

function mixRankedBids(from: number, row: RankedBids): number {
  let hash = mixInteger(from, row.totalBids)
  hash = mixInteger(hash, row.rank1Bids)
  hash = mixInteger(hash, row.rank2Bids)
  return mixInteger(hash, row.rank3Bids)
}
