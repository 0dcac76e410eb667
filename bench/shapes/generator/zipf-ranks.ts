/**
 * Draws of ranks that are as frequent as Zipf's law says: rank r (from 0) with weight (r + 1) ^ -exponent. The first ranks stand by themselves, those
 * behind them in ranges of 1/64 of what is before, within which all are as likely as each other: so a draw looks through some hundred numbers that
 * stay in the processor's cache, whatever the number of ranks, and a rank's weight is right to one in a hundred.
 */
import { pick32 } from '../../nexmark/generator/integer-hash.ts'

const SINGLE_RANKS = 256
const RANGE_SHARE = 64
const DRAWS = 4_294_967_296

/** `count` is at most 2^31. What is returned takes two draws of 32 bits. */
export function zipfRanks(count: number, exponent: number): (draw: number, within: number) => number {
  const firsts: number[] = []
  const weights: number[] = []
  for (let first = 0; first < count; ) {
    const width = Math.min(count - first, first < SINGLE_RANKS ? 1 : Math.floor(first / RANGE_SHARE))
    firsts.push(first)
    weights.push(width * (first + (width + 1) / 2) ** -exponent)
    first += width
  }
  const ranges = firsts.length
  firsts.push(count)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  /** Draws below it are of this range or one before. */
  const ends = new Float64Array(ranges)
  let sum = 0
  for (let range = 0; range < ranges; range++) {
    sum += weights[range] as number
    ends[range] = Math.floor((sum / total) * DRAWS)
  }
  ends[ranges - 1] = DRAWS

  return function rankOf(draw, within) {
    const unsigned = draw >>> 0
    let low = 0
    let high = ranges - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (unsigned < (ends[middle] as number)) high = middle
      else low = middle + 1
    }
    const first = firsts[low] as number
    return first + pick32(within, (firsts[low + 1] as number) - first)
  }
}
