/**
 * Changes of accounts, for state that is larger than memory: the first ones are of every key once, so that all state is there, those behind them of
 * keys by chance, uniform or by Zipf's law. Frequent keys are not neighbours.
 */
import { hashIndex, mix32, pick32 } from '../../nexmark/generator/integer-hash.ts'
import { zipfRanks } from './zipf-ranks.ts'

export interface Change {
  /** 0 to `keys - 1`. */
  readonly key: number
  readonly amount: number
}

export interface ChangeOptions {
  /** Default 1. */
  readonly seed?: number
  /** At most 2^31, and no multiple of `SPREAD`. Default `CHANGE_KEYS`. */
  readonly keys?: number
  /** Exponent of Zipf's law; default 0: each key as likely as the others. */
  readonly skew?: number
}

export const CHANGE_KEYS = 2_000_000
/** Prime: a rank times this, by the number of keys, is another key for each rank. */
const SPREAD = 1_000_003
const AMOUNTS = 100_000
const DRAW_KEY = 0x6a09e667
const DRAW_RANGE = 0x1f83d9ab
const DRAW_AMOUNT = 0x3c6ef372

/** Gives the change of a number, from 0 on. */
export function changeGenerator({
  seed = 1,
  keys = CHANGE_KEYS,
  skew = 0,
}: ChangeOptions = {}): (index: number) => Change {
  if (keys % SPREAD === 0) throw new RangeError(`keys must not be a multiple of ${SPREAD}, ${keys} is one`)
  const seedHash = mix32(seed)
  const rankOf = skew === 0 ? undefined : zipfRanks(keys, skew)
  const share = 1 / keys

  /** The remainder of a division, which is slow with numbers of this size. */
  function keyOf(rank: number): number {
    const product = rank * SPREAD
    const rest = product - Math.floor(product * share) * keys
    if (rest < 0) return rest + keys
    return rest >= keys ? rest - keys : rest
  }

  return function nextChange(index) {
    const hash = hashIndex(index, seedHash)
    const amount = 1 + pick32(mix32(hash ^ DRAW_AMOUNT), AMOUNTS)
    if (index < keys) return { key: keyOf(index), amount }
    const within = mix32(hash ^ DRAW_KEY)
    const rank = rankOf === undefined ? pick32(within, keys) : rankOf(mix32(hash ^ DRAW_RANGE), within)
    return { key: keyOf(rank), amount }
  }
}
