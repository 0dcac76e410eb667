/**
 * The event generator of the Nexmark benchmark, after its public description: of 50 events one is a person, three are
 * auctions and 46 are bids; auctions and bids prefer a few hot people and auctions; times rise evenly, or are out of order
 * within groups.
 *
 * An event depends on its number and the options alone, never on the events before it. So any split of the numbers gives
 * the same events, a source can start anywhere, and a peer in another language makes them from the same numbers
 * (`NexmarkGenerator` in `bench/peers/java`; a golden test holds the two together). All arithmetic is on integers, and ids have 31 bits, which
 * is enough for 3 × 10¹⁰ events.
 *
 * It follows the description in its proportions, not in its random numbers: those the description leaves open.
 */
import { chosen, hashIndex, mix32, pick16, pick32 } from './integer-hash.ts'
import type { Auction, Bid, NexmarkEvent, Person } from './nexmark-event.ts'
import { priceOf } from './price.ts'
import { HOT_CHANNELS, POOL_LENGTH, textPools } from './text-pools.ts'

export interface NexmarkOptions {
  /** Another seed gives other events of the same kind; a 32-bit integer. Default 1. */
  readonly seed?: number
  /** Events per second of event time; a whole number. Default 10,000. */
  readonly eventsPerSecond?: number
  /** Time of the first event, in milliseconds since the epoch. Default 2015-07-15T00:00:00Z. */
  readonly baseTimeMs?: number
  /**
   * Events are shuffled within groups of so many; 1, the default, keeps them in order. Not a multiple of 953, by which
   * they are shuffled.
   */
  readonly outOfOrderGroupSize?: number
  /** A bid goes to a hot auction in all but one of so many cases. Default 2. */
  readonly hotAuctionRatio?: number
  /** A bid comes from a hot bidder in all but one of so many cases. Default 4. */
  readonly hotBidderRatio?: number
  /** An auction has a hot seller in all but one of so many cases. Default 4. */
  readonly hotSellerRatio?: number
  /** How many auctions take bids at a time. Default 100. */
  readonly inFlightAuctions?: number
  /** How many people bid and sell at a time. Default 1,000. */
  readonly activePeople?: number
  /** Average size of a person, 8 bytes for a number or time and 1 for a character. Default 200. */
  readonly averagePersonBytes?: number
  /** Average size of an auction. Default 500. */
  readonly averageAuctionBytes?: number
  /** Average size of a bid; its channel and URL come on top, as in the public generator. Default 100. */
  readonly averageBidBytes?: number
}

export const DEFAULT_NEXMARK_OPTIONS: Required<NexmarkOptions> = {
  seed: 1,
  eventsPerSecond: 10_000,
  baseTimeMs: 1_436_918_400_000,
  outOfOrderGroupSize: 1,
  hotAuctionRatio: 2,
  hotBidderRatio: 4,
  hotSellerRatio: 4,
  inFlightAuctions: 100,
  activePeople: 1_000,
  averagePersonBytes: 200,
  averageAuctionBytes: 500,
  averageBidBytes: 100,
}

export const PERSONS_PER_GROUP = 1
export const AUCTIONS_PER_GROUP = 3
export const EVENTS_PER_GROUP = 50
/** The first bid of a group; all events from it on are bids. */
export const FIRST_BID_OF_GROUP = PERSONS_PER_GROUP + AUCTIONS_PER_GROUP

export const FIRST_PERSON_ID = 1_000
export const FIRST_AUCTION_ID = 1_000
const FIRST_CATEGORY = 10
const CATEGORIES = 5
/** People and auctions that do not exist yet, but are already referred to. */
const ID_LEAD = 10
/** Of so many people or auctions in a row one is hot. */
const HOT_EVERY = 100
const SHUFFLE = 953

// Each drawn number has bits of its own.
const DRAW_A = 0x3c6ef372
const DRAW_B = 0x1b873593
const DRAW_C = 0x5f356495
const DRAW_D = 0x78dde6e4
const DRAW_E = 0x4528_21e6

/** Gives the event of a number, from 0 on. */
export function nexmarkGenerator(options: NexmarkOptions = {}): (index: number) => NexmarkEvent {
  return eventMakers(options).eventAt
}

/** The parts that a stream of bids alone is made of; `group` is the number of the group of 50 that the event is in. */
export function nexmarkBids(options: NexmarkOptions = {}): {
  /** Which event, after shuffling, has the given place in the stream. */
  readonly numberOf: (index: number) => number
  /** `auction`: another one than Nexmark's. */
  readonly bidAt: (number: number, group: number, dateTime: number, auction: number | undefined) => Bid
} {
  return eventMakers(options)
}

function eventMakers(options: NexmarkOptions) {
  const {
    seed,
    eventsPerSecond,
    baseTimeMs,
    outOfOrderGroupSize,
    hotAuctionRatio,
    hotBidderRatio,
    hotSellerRatio,
    inFlightAuctions,
    activePeople,
    ...averageBytes
  } = checked({ ...DEFAULT_NEXMARK_OPTIONS, ...options })
  const seedHash = mix32(seed)
  const pools = textPools(averageBytes)
  const { channels, urls, bidExtras, itemNames, descriptions, auctionExtras } = pools
  const { names, emailAddresses, creditCards, cities, states, personExtras } = pools
  const coldChannels = channels.length - HOT_CHANNELS.length
  /** Numbers from an auction to the one that is as many auctions later as are in flight. */
  const horizonEvents = Math.floor((inFlightAuctions * EVENTS_PER_GROUP) / AUCTIONS_PER_GROUP)

  return { eventAt, numberOf, bidAt }

  function eventAt(index: number): NexmarkEvent {
    const number = numberOf(index)
    const group = Math.floor((number + 0.5) * (1 / EVENTS_PER_GROUP))
    const place = number - group * EVENTS_PER_GROUP
    if (place >= FIRST_BID_OF_GROUP) return bidAt(number, group, timeOf(number), undefined)
    return place < PERSONS_PER_GROUP ? personAt(number, group) : auctionAt(number, group, place - PERSONS_PER_GROUP)
  }

  function bidAt(number: number, group: number, dateTime: number, auction: number | undefined): Bid {
    const hash = hashIndex(number, seedHash)
    const a = mix32(hash ^ DRAW_A)
    const b = mix32(hash ^ DRAW_B)
    const d = mix32(hash ^ DRAW_D)
    const channel = chosen(-(d & 1), HOT_CHANNELS.length + pick16(d, coldChannels), (d >>> 16) & 3)
    return {
      kind: 'bid',
      auction: auction ?? biddenAuction(a, group * AUCTIONS_PER_GROUP + AUCTIONS_PER_GROUP - 1),
      bidder: chosen(hotMask(b, hotBidderRatio), hotOne(group) + 1 + FIRST_PERSON_ID, activePerson(b, group)),
      price: priceOf(mix32(hash ^ DRAW_C)),
      channel: channels[channel] as string,
      url: urls[channel] as string,
      dateTime,
      extra: bidExtras[(d >>> 1) & (POOL_LENGTH - 1)] as string,
    }
  }

  function auctionAt(number: number, group: number, place: number): Auction {
    const hash = hashIndex(number, seedHash)
    const a = mix32(hash ^ DRAW_A)
    const d = mix32(hash ^ DRAW_D)
    const e = mix32(hash ^ DRAW_E)
    const initialBid = priceOf(mix32(hash ^ DRAW_B))
    const dateTime = timeOf(number)
    const horizonMs = timeOf(number + horizonEvents) - dateTime
    return {
      kind: 'auction',
      id: group * AUCTIONS_PER_GROUP + place + FIRST_AUCTION_ID,
      itemName: itemNames[d & (POOL_LENGTH - 1)] as string,
      description: descriptions[(d >>> 10) & (POOL_LENGTH - 1)] as string,
      initialBid,
      reserve: initialBid + priceOf(mix32(hash ^ DRAW_C)),
      dateTime,
      expires: dateTime + 1 + pick32(e, Math.max(1, 2 * horizonMs)),
      seller: chosen(hotMask(a, hotSellerRatio), hotOne(group) + FIRST_PERSON_ID, activePerson(a, group)),
      category: FIRST_CATEGORY + pick16(mix32(e), CATEGORIES),
      extra: auctionExtras[d >>> 22] as string,
    }
  }

  function personAt(number: number, group: number): Person {
    const hash = hashIndex(number, seedHash)
    const a = mix32(hash ^ DRAW_A)
    const b = mix32(hash ^ DRAW_B)
    const d = mix32(hash ^ DRAW_D)
    return {
      kind: 'person',
      id: group + FIRST_PERSON_ID,
      name: names[pick16(a, names.length)] as string,
      emailAddress: emailAddresses[d & (POOL_LENGTH - 1)] as string,
      creditCard: creditCards[(d >>> 10) & (POOL_LENGTH - 1)] as string,
      city: cities[pick16(b, cities.length)] as string,
      state: states[pick16(b << 16, states.length)] as string,
      dateTime: timeOf(number),
      extra: personExtras[d >>> 22] as string,
    }
  }

  function timeOf(number: number): number {
    return baseTimeMs + Math.floor((number * 1_000) / eventsPerSecond)
  }

  /** The multiplier and a group's size have no common divisor, so a group keeps its numbers. */
  function numberOf(index: number): number {
    if (outOfOrderGroupSize === 1) return index
    const place = index % outOfOrderGroupSize
    return index - place + ((index * SHUFFLE) % outOfOrderGroupSize)
  }

  /** `last` is the newest auction, counted from 0. */
  function biddenAuction(hash: number, last: number): number {
    const first = Math.max(last - inFlightAuctions, 0)
    const cold = first + pick16(hash, last - first + 1 + ID_LEAD)
    return FIRST_AUCTION_ID + chosen(hotMask(hash, hotAuctionRatio), hotOne(last), cold)
  }

  /** `last` is the newest person, counted from 0; there is one in each group. */
  function activePerson(hash: number, last: number): number {
    const active = Math.min(last + 1, activePeople)
    return last + 1 - active + pick16(hash, active + ID_LEAD) + FIRST_PERSON_ID
  }
}

/** All bits for a hot one, none for others: by the lower 16 bits. */
function hotMask(hash: number, ratio: number): number {
  return -(Math.imul(hash & 0xffff, ratio) >>> 16) >> 31
}

function hotOne(last: number): number {
  return (((last + 0.5) * (1 / HOT_EVERY)) | 0) * HOT_EVERY
}

function checked(options: Required<NexmarkOptions>): Required<NexmarkOptions> {
  for (const [name, value] of Object.entries(options)) {
    const isCount = name !== 'seed' && name !== 'baseTimeMs'
    if (!Number.isSafeInteger(value) || (isCount && value < 1)) throw new RangeError(`Nexmark option ${name}: ${value}`)
  }
  const { inFlightAuctions, activePeople, outOfOrderGroupSize } = options
  // Picked by 16 bits.
  if (Math.max(inFlightAuctions, activePeople) > 65_000) throw new RangeError('At most 65,000 auctions and people')
  if (outOfOrderGroupSize % SHUFFLE === 0) throw new RangeError(`A group of a multiple of ${SHUFFLE} is not shuffled`)
  return options
}
