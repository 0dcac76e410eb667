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
  readonly verdict: 'reached' | 'NOT reached' | 'too close to say'
}

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
  const isClose = Math.abs(ratio - ratioMin) < halfRange(ratios)
  return {
    keys: first.keys ?? 0,
    windows: windowsOf(first),
    events,
    liveKeys: liveKeysOf(first),
    rowsPerEvent: first.outputs / events,
    against,
    ratio,
    ratioMin,
    verdict: isClose ? 'too close to say' : ratio >= ratioMin ? 'reached' : 'NOT reached',
  }
}

function windowsOf({ sizeMs = Number.NaN, slideMs = Number.NaN }: Run): number {
  return sizeMs / slideMs
}

/** As many different keys as so many draws give, all keys alike. */
function liveKeysOf({ events, keys = 0, sizeMs = 0, eventsPerSecond = EVENTS_PER_SECOND }: Run): number {
  const draws = Math.min(events, (sizeMs / 1_000) * eventsPerSecond)
  return Math.round(keys * (1 - (1 - 1 / keys) ** draws))
}
