/**
 * The strings of the events, prepared once: an event only picks some. They depend on the sizes that are asked for and on
 * nothing else; the Java generator draws the same ones in the same order.
 */
import { DrawSequence } from './integer-hash.ts'

/** A power of two: an index is some bits of a hash. */
export const POOL_LENGTH = 1_024
export const COLD_CHANNELS = 10_000
export const HOT_CHANNELS = ['Google', 'Facebook', 'Baidu', 'Apple']

const STATES = 'AZ,CA,ID,OR,WA,WY'.split(',')
const CITIES = 'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne'.split(',')
const FIRST_NAMES = 'Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter'.split(',')
const LAST_NAMES = 'Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris'.split(',')

const NUMBER_BYTES = 8
const BID_NUMBERS = 4
const AUCTION_NUMBERS = 7
const PERSON_NUMBERS = 2

export interface AverageBytes {
  readonly averageBidBytes: number
  readonly averageAuctionBytes: number
  readonly averagePersonBytes: number
}

export interface TextPools {
  /** The hot ones, then the cold ones; `urls` beside it. */
  readonly channels: readonly string[]
  readonly urls: readonly string[]
  readonly bidExtras: readonly string[]
  readonly itemNames: readonly string[]
  readonly descriptions: readonly string[]
  readonly auctionExtras: readonly string[]
  readonly names: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly creditCards: readonly string[]
  readonly cities: readonly string[]
  readonly states: readonly string[]
  readonly personExtras: readonly string[]
}

export function textPools(bytes: AverageBytes): TextPools {
  const draws = new DrawSequence(0x4e65_786d)
  const channels = [...HOT_CHANNELS]
  const urls = HOT_CHANNELS.map(() => flat(baseUrl(draws)))
  for (let channel = 0; channel < COLD_CHANNELS; channel++) {
    const base = baseUrl(draws)
    // One in ten does not tell its channel.
    const query = draws.below(10) > 0 ? `&channel_id=${reversedBits(channel) >>> 1}` : ''
    channels.push(flat(`channel-${channel}`))
    urls.push(flat(base + query))
  }
  const itemNames = pool(() => words(draws, 20, ' '))
  const descriptions = pool(() => words(draws, 100, ' '))
  const names = FIRST_NAMES.flatMap((first) => LAST_NAMES.map((last) => flat(`${first} ${last}`)))
  const emailAddresses = pool(() => `${words(draws, 7, '_')}@${words(draws, 5, '_')}.com`)
  const creditCards = pool(() => Array.from({ length: 4 }, () => `${draws.below(10_000)}`.padStart(4, '0')).join(' '))
  const auctionText = averageUnits(itemNames) + averageUnits(descriptions)
  const personText = [names, emailAddresses, creditCards, CITIES, STATES].reduce(
    (units, strings) => units + averageUnits(strings),
    0,
  )
  return {
    channels,
    urls,
    bidExtras: extras(draws, bytes.averageBidBytes - BID_NUMBERS * NUMBER_BYTES),
    itemNames,
    descriptions,
    auctionExtras: extras(draws, bytes.averageAuctionBytes - AUCTION_NUMBERS * NUMBER_BYTES - auctionText),
    names,
    emailAddresses,
    creditCards,
    cities: CITIES,
    states: STATES,
    personExtras: extras(draws, bytes.averagePersonBytes - PERSON_NUMBERS * NUMBER_BYTES - personText),
  }
}

function pool(draw: () => string): string[] {
  return Array.from({ length: POOL_LENGTH }, () => flat(draw()))
}

/** Strings of `units` ± 20 %, evenly; empty ones when there is no room. */
function extras(draws: DrawSequence, units: number): string[] {
  const wanted = Math.max(0, units)
  const delta = Math.floor(wanted / 5)
  return pool(() => letters(draws, wanted - delta + draws.below(2 * delta + 1)))
}

function letters(draws: DrawSequence, length: number): string {
  const units = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at++) units[at] = 97 + draws.below(26)
  return units.toString('latin1')
}

/** 3 to `maxLength - 1` letters, one in thirteen of them the separator instead; never at an end. */
function words(draws: DrawSequence, maxLength: number, separator: string): string {
  const length = 3 + draws.below(maxLength - 3)
  const units: number[] = []
  for (let at = 0; at < length; at++) {
    const isSeparator = draws.below(13) === 0 && at > 0 && at < length - 1
    const letter = 97 + draws.below(26)
    units.push(isSeparator ? separator.charCodeAt(0) : letter)
  }
  return String.fromCharCode(...units)
}

function baseUrl(draws: DrawSequence): string {
  const [a, b, c] = [words(draws, 5, '_'), words(draws, 5, '_'), words(draws, 5, '_')]
  return `https://www.nexmark.com/${a}/${b}/${c}/item.htm?query=1`
}

function averageUnits(strings: readonly string[]): number {
  return Math.floor(strings.reduce((units, text) => units + text.length, 0) / strings.length)
}

/** A concatenation is kept by V8 as a tree; a string that was read from a file or a socket would not be one. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function reversedBits(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((value >>> bit) & 1)
  return reversed
}
