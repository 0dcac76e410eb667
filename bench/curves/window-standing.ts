/**
 * How Millrace stands against its peers where a record has many windows. Such runs are short: they have few records and many rows for each,
 * and each peer has as many records as it can do in two minutes, so ratios are of CPU without the start, each of runs on the same records.
 */
import type { Run } from '../comparison.ts'
import { MANY_WINDOWS, MANY_WINDOWS_GOALS } from '../goal.ts'
import { runningCpuSeconds } from '../runs-in-turn.ts'
import { halfRange, median } from '../statistics.ts'
import { EVENTS_PER_SECOND } from './curve.ts'

export interface WindowStanding {
  readonly keys: number
  readonly windows: number
  /** The most that the peer was run with. */
  readonly events: number
  /** How many keys a window has, at the most. */
  readonly liveKeys: number
  readonly rowsPerEvent: number
  readonly against: string
  /** Median of the paired runs: how often Millrace's CPU time goes into the peer's. */
  readonly ratio: number
  readonly ratioMin: number
  /** Of one pair there is none. */
  readonly verdict: 'reached' | 'NOT reached' | 'too close to say' | 'too few runs to say'
}

const PAIRS_MIN = 2

/** Of the runs of the curve over windows, in their order. */
export function windowStandingsOf(runs: readonly Run[]): readonly WindowStanding[] {
  const many = runs.filter((run) => windowsOf(run) >= MANY_WINDOWS)
  const places = Map.groupBy(many, (run) => `${run.keys} ${windowsOf(run)}`)
  return [...places.values()].flatMap((ofPlace) =>
    Object.entries(MANY_WINDOWS_GOALS).flatMap(([against, ratioMin]) => standingOf(ofPlace, against, ratioMin) ?? []),
  )
}

function standingOf(runs: readonly Run[], against: string, ratioMin: number): WindowStanding | undefined {
  const all = runs.filter(({ peer }) => peer === against)
  const events = Math.max(...all.map((run) => run.events))
  const theirs = all.filter((run) => run.events === events)
  const own = runs.filter((run) => run.peer === 'millrace' && run.events === events)
  const [first] = own
  if (first === undefined || theirs.length === 0) return undefined
  const ratios = own
    .slice(0, theirs.length)
    .map((run, round) => runningCpuSeconds(theirs[round] as Run) / runningCpuSeconds(run))
  const ratio = median(ratios)
  return {
    keys: first.keys ?? 0,
    windows: windowsOf(first),
    events,
    liveKeys: liveKeysOf(first),
    rowsPerEvent: first.outputs / events,
    against,
    ratio,
    ratioMin,
    verdict: verdictOf(ratios, ratioMin),
  }
}

function verdictOf(ratios: readonly number[], ratioMin: number): WindowStanding['verdict'] {
  if (ratios.length < PAIRS_MIN) return 'too few runs to say'
  const ratio = median(ratios)
  if (Math.abs(ratio - ratioMin) < halfRange(ratios)) return 'too close to say'
  return ratio >= ratioMin ? 'reached' : 'NOT reached'
}

function windowsOf({ sizeMs = Number.NaN, slideMs = Number.NaN }: Run): number {
  return sizeMs / slideMs
}

/** As many different keys as so many draws give, all keys alike. */
function liveKeysOf({ events, keys = 0, sizeMs = 0, eventsPerSecond = EVENTS_PER_SECOND }: Run): number {
  const draws = Math.min(events, (sizeMs / 1_000) * eventsPerSecond)
  return Math.round(keys * (1 - (1 - 1 / keys) ** draws))
}
