/**
 * The search for the highest rate that a job keeps up with: from the rate without a pace downwards until one is kept up with, then halving
 * between that and the lowest that was not. A source without a pace shows what fits through at all; waiting for records, which
 * a source with one does, costs too.
 */

export interface Trial {
  readonly perSecond: number
  readonly keepsUp: boolean
}

/** `none`: it keeps up with nothing that is worth a measurement. */
export type NextTrial =
  | { readonly kind: 'try'; readonly perSecond: number }
  | { readonly kind: 'found'; readonly perSecond: number }
  | { readonly kind: 'none' }

const STEP_DOWN = 0.7
/** So close to a rate that failed, the highest one is found. */
const CLOSE = 1.1
/** Of the rate without a pace. */
const LOWEST_SHARE = 0.01

export function decideNextTrial(unpacedPerSecond: number, trials: readonly Trial[]): NextTrial {
  const failed = Math.min(...trials.filter(({ keepsUp }) => !keepsUp).map(({ perSecond }) => perSecond))
  // One that was kept up with above a rate that was not was luck.
  const kept = Math.max(
    0,
    ...trials.filter(({ keepsUp, perSecond }) => keepsUp && perSecond < failed).map(({ perSecond }) => perSecond),
  )
  if (trials.length === 0) return { kind: 'try', perSecond: Math.round(unpacedPerSecond) }
  if (kept === 0) {
    const perSecond = Math.round(failed * STEP_DOWN)
    return perSecond < unpacedPerSecond * LOWEST_SHARE ? { kind: 'none' } : { kind: 'try', perSecond }
  }
  if (failed <= kept * CLOSE || failed === Number.POSITIVE_INFINITY) return { kind: 'found', perSecond: kept }
  return { kind: 'try', perSecond: Math.round(Math.sqrt(kept * failed)) }
}
