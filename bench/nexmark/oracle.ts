/**
 * The answers of the Nexmark queries by plain loops over all events, as slow and as obvious as they can be: what every
 * engine's digests are held against. Nothing is late here, so it fits jobs whose watermarks wait long enough.
 *
 * node oracle.ts [--events 200000] [--seed N] [--events-per-second N] [--base-time-ms N] [--out-of-order-group-size N]
 * [query ...] prints the digests.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { RowDigest } from '../digest/row-digest.ts'
import type { Bid, NexmarkEvent } from './generator/nexmark-event.ts'
import { DEFAULT_NEXMARK_OPTIONS, nexmarkGenerator } from './generator/nexmark-generator.ts'
import * as rows from './query-rows.ts'

export const NEXMARK_QUERIES = ['q0', 'q1', 'q2', 'q5', 'q7', 'q12', 'q15', 'q16', 'q17', 'q18', 'q22'] as const
export type NexmarkQuery = (typeof NEXMARK_QUERIES)[number]

const WINDOW_MS = 10_000
const SLIDE_MS = 2_000

/** The digest of a query's rows. */
export function digestOfQuery(query: NexmarkQuery, events: readonly NexmarkEvent[]): RowDigest {
  const bids = events.filter((event) => event.kind === 'bid')
  switch (query) {
    case 'q0':
      return digestOf(bids, rows.mixPassedBid)
    case 'q1':
      return digestOf(query1(bids), rows.mixConvertedBid)
    case 'q2':
      return digestOf(query2(bids), rows.mixAuctionPrice)
    case 'q5':
      return digestOf(query5(bids), rows.mixAuctionCount)
    case 'q7':
      return digestOf(query7(bids), rows.mixPassedBid)
    case 'q12':
      return digestOf(query12(bids), rows.mixBidderCount)
    case 'q15':
      return digestOf(query15(bids), rows.mixDayStatistics)
    case 'q16':
      return digestOf(query16(bids), rows.mixChannelStatistics)
    case 'q17':
      return digestOf(query17(bids), rows.mixAuctionStatistics)
    case 'q18':
      return digestOf(query18(bids), rows.mixWholeBid)
    case 'q22':
      return digestOf(query22(bids), rows.mixBidFolders)
  }
}

export function digestOf<Row>(all: readonly Row[], mix: (row: Row) => number): RowDigest {
  const digest = new RowDigest()
  for (const row of all) digest.add(mix(row))
  return digest
}

/** Prices in another currency. */
function query1(bids: readonly Bid[]): rows.PassedBid[] {
  return bids.map((bid) => ({ ...bid, price: 0.908 * bid.price }))
}

/** Bids on some auctions. */
function query2(bids: readonly Bid[]): rows.AuctionPrice[] {
  return bids.filter(({ auction }) => auction % 123 === 0)
}

/** The auctions with most bids in each window of 10 s, every 2 s; all that share the first place. */
function query5(bids: readonly Bid[]): rows.AuctionCount[] {
  const windows = new Map<number, Bid[]>()
  for (const bid of bids) {
    const last = Math.floor(bid.dateTime / SLIDE_MS) * SLIDE_MS
    for (let start = last; start > bid.dateTime - WINDOW_MS; start -= SLIDE_MS) listOf(windows, start).push(bid)
  }
  return [...windows.values()].flatMap((window) => {
    const counts = countsBy(window, ({ auction }) => auction)
    const most = Math.max(...counts.values())
    return [...counts].filter(([, num]) => num === most).map(([auction, num]) => ({ auction, num }))
  })
}

/** The highest bids of each 10 s; all that share the first place. */
function query7(bids: readonly Bid[]): Bid[] {
  return [...tumbling(bids).values()].flatMap((window) => {
    const highest = window.reduce((price, bid) => Math.max(price, bid.price), 0)
    return window.filter(({ price }) => price === highest)
  })
}

/** Bids of each bidder in each 10 s. */
function query12(bids: readonly Bid[]): rows.BidderCount[] {
  return [...tumbling(bids)].flatMap(([startTime, window]) =>
    [...countsBy(window, ({ bidder }) => bidder)].map(([bidder, bidCount]) => ({
      bidder,
      bidCount,
      startTime,
      endTime: startTime + WINDOW_MS,
    })),
  )
}

/** Statistics of a day, after each bid. */
function query15(bids: readonly Bid[]): rows.DayStatistics[] {
  const statistics = new Map<string, BidStatisticsSoFar>()
  return bids.map((bid) => {
    const day = dayOf(bid)
    return { day, ...statisticsOf(statistics, day).with(bid) }
  })
}

/** Statistics of a channel and day, after each bid. */
function query16(bids: readonly Bid[]): rows.ChannelStatistics[] {
  const statistics = new Map<string, BidStatisticsSoFar>()
  const minutes = new Map<string, string>()
  return bids.map((bid) => {
    const { channel } = bid
    const day = dayOf(bid)
    const key = `${channel} ${day}`
    const at = new Date(bid.dateTime).toISOString().slice(11, 16)
    const before = minutes.get(key) ?? ''
    const minute = at > before ? at : before
    minutes.set(key, minute)
    return { channel, day, minute, ...statisticsOf(statistics, key).with(bid) }
  })
}

/** Statistics of an auction and day, after each bid. */
function query17(bids: readonly Bid[]): rows.AuctionStatistics[] {
  const before = new Map<string, rows.AuctionStatistics>()
  return bids.map(({ auction, price, ...bid }) => {
    const day = dayOf(bid)
    const key = `${auction} ${day}`
    const old = before.get(key)
    const rank = rankOf(price)
    const totalBids = (old?.totalBids ?? 0) + 1
    const sumPrice = (old?.sumPrice ?? 0) + price
    const row = {
      auction,
      day,
      totalBids,
      rank1Bids: (old?.rank1Bids ?? 0) + (rank === 1 ? 1 : 0),
      rank2Bids: (old?.rank2Bids ?? 0) + (rank === 2 ? 1 : 0),
      rank3Bids: (old?.rank3Bids ?? 0) + (rank === 3 ? 1 : 0),
      minPrice: Math.min(old?.minPrice ?? price, price),
      maxPrice: Math.max(old?.maxPrice ?? price, price),
      avgPrice: Math.floor(sumPrice / totalBids),
      sumPrice,
    }
    before.set(key, row)
    return row
  })
}

/** The last bid of each bidder on each auction, whenever it is another one; of equal times the later in the stream. */
function query18(bids: readonly Bid[]): Bid[] {
  const last = new Map<string, number>()
  return bids.filter(({ bidder, auction, dateTime }) => {
    const key = `${bidder} ${auction}`
    if (dateTime < (last.get(key) ?? 0)) return false
    last.set(key, dateTime)
    return true
  })
}

/** The folders of the URL. */
function query22(bids: readonly Bid[]): rows.BidFolders[] {
  return bids.map((bid) => {
    const [, , , dir1 = '', dir2 = '', dir3 = ''] = bid.url.split('/')
    return { ...bid, dir1, dir2, dir3 }
  })
}

/** Bids, distinct bidders and distinct auctions, in all and by level of price. */
class BidStatisticsSoFar {
  readonly #bids = [0, 0, 0, 0]
  readonly #bidders = Array.from({ length: 4 }, () => new Set<number>())
  readonly #auctions = Array.from({ length: 4 }, () => new Set<number>())

  with({ price, bidder, auction }: Bid): rows.BidStatistics {
    for (const rank of [0, rankOf(price)]) {
      this.#bids[rank] = (this.#bids[rank] as number) + 1
      this.#bidders[rank]?.add(bidder)
      this.#auctions[rank]?.add(auction)
    }
    const [totalBids, rank1Bids, rank2Bids, rank3Bids] = this.#bids as [number, number, number, number]
    const [totalBidders, rank1Bidders, rank2Bidders, rank3Bidders] = sizesOf(this.#bidders)
    const [totalAuctions, rank1Auctions, rank2Auctions, rank3Auctions] = sizesOf(this.#auctions)
    return {
      totalBids,
      rank1Bids,
      rank2Bids,
      rank3Bids,
      totalBidders,
      rank1Bidders,
      rank2Bidders,
      rank3Bidders,
      totalAuctions,
      rank1Auctions,
      rank2Auctions,
      rank3Auctions,
    }
  }
}

function sizesOf(sets: readonly Set<number>[]): [number, number, number, number] {
  return sets.map(({ size }) => size) as [number, number, number, number]
}

function statisticsOf(all: Map<string, BidStatisticsSoFar>, key: string): BidStatisticsSoFar {
  const found = all.get(key) ?? new BidStatisticsSoFar()
  all.set(key, found)
  return found
}

function rankOf(price: number): 1 | 2 | 3 {
  if (price < 10_000) return 1
  return price < 1_000_000 ? 2 : 3
}

function dayOf({ dateTime }: { readonly dateTime: number }): string {
  return new Date(dateTime).toISOString().slice(0, 10)
}

/** The bids of each window of 10 s, by its start. */
function tumbling(bids: readonly Bid[]): Map<number, Bid[]> {
  const windows = new Map<number, Bid[]>()
  for (const bid of bids) listOf(windows, Math.floor(bid.dateTime / WINDOW_MS) * WINDOW_MS).push(bid)
  return windows
}

function countsBy<T>(all: readonly T[], keyOf: (one: T) => number): Map<number, number> {
  const counts = new Map<number, number>()
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1)
  return counts
}

function listOf<T>(lists: Map<number, T[]>, key: number): T[] {
  const found = lists.get(key) ?? []
  lists.set(key, found)
  return found
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({
    options: {
      events: { type: 'string', default: '200000' },
      seed: { type: 'string' },
      'events-per-second': { type: 'string' },
      'base-time-ms': { type: 'string' },
      'out-of-order-group-size': { type: 'string' },
    },
    allowPositionals: true,
  })
  const { seed, eventsPerSecond, baseTimeMs, outOfOrderGroupSize } = DEFAULT_NEXMARK_OPTIONS
  const eventAt = nexmarkGenerator({
    seed: Number(values.seed ?? seed),
    eventsPerSecond: Number(values['events-per-second'] ?? eventsPerSecond),
    baseTimeMs: Number(values['base-time-ms'] ?? baseTimeMs),
    outOfOrderGroupSize: Number(values['out-of-order-group-size'] ?? outOfOrderGroupSize),
  })
  const events = Array.from({ length: Number(values.events) }, (_, index) => eventAt(index))
  for (const query of NEXMARK_QUERIES) {
    if (positionals.length > 0 && !positionals.includes(query)) continue
    const digest = digestOfQuery(query, events)
    console.log(JSON.stringify({ query, outputs: digest.rows, digest: digest.toString() }))
  }
}
