/** Numbers from a seed (mulberry32), so that a run of the suite can be had again. */
import process from 'node:process'

export interface SeededRandom {
  readonly seed: number
  /** In [0, 1). */
  fraction(): number
  /** A whole number from 1 to `max`. */
  upTo(max: number): number
}

/** From `MILLRACE_KILL_SEED`, or another one each time. */
export function seededRandom(): SeededRandom {
  const seed = Number(process.env.MILLRACE_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31))
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { seed, fraction, upTo: (max) => 1 + Math.floor(fraction() * max) }
}

/** How much of the suite runs: 1 unless `MILLRACE_KILL_ROUNDS` says more. */
export const KILL_ROUNDS = Number(process.env.MILLRACE_KILL_ROUNDS ?? 1)
