/** How Millrace stands against its peers in a comparison, and the figure that is to be reached. */
import type { ComparedSide, Comparison, Run } from './comparison.ts'
import type { PeerName } from './peer.ts'
import { runningCpuSeconds } from './runs-in-turn.ts'
import { halfRange, median } from './statistics.ts'

/** CPU time of Millrace and a peer, round by round. */
export interface Standing {
  /** Millrace, on which of its backends. */
  readonly side: PeerName
  /** Whom against, as `loop` or `the better of flink, flink-sql`. */
  readonly against: string
  /** Median of the paired runs: how often Millrace's CPU time goes into the peer's. */
  readonly gross: number
  /** The same without the start of each side, as in a run without end. */
  readonly running: number
  /**
   * The same without start and generator. NaN where no generator was measured; undefined where so little is left of a side that
   * its spread could decide.
   */
  readonly net: number | undefined
  /** The larger share that the start has of a side's CPU time: what it says is of the start, when it is large. */
  readonly startShare: number
  readonly goal: Goal | undefined
}

/** At least so much of the peer's work per CPU second; below 1: a loop of which Millrace may cost a multiple. */
export interface Goal {
  readonly grossMin: number
}

export type Verdict = 'reached' | 'not reached' | 'too short'

export const QUERIES_MEAN_MIN = 5
const QUERY_MIN = 1.3
/** Up to this share the start does not matter. */
const START_SHARE_MAX = 0.1
/** Up to this one there is a verdict when it is the same without the start. */
const START_SHARE_AGREED_MAX = 1 / 3
/** So many times its spread must be left of a side for its net figure, and no run is taken for more exact than this share of it. */
const NET_SPREADS_MIN = 3
const SPREAD_MIN = 0.05

type Opponent = 'flink' | 'flink-sql' | 'better-flink' | 'jet' | 'loop' | 'loop-typed'

const SHAPE_GOALS: Readonly<Record<string, Partial<Record<Opponent, number>>>> = {
  chain: { 'better-flink': 1.3, jet: 4, loop: 1 / 1.5 },
  exchange: { 'better-flink': 3.5 },
  'keyed-tumbling': { 'better-flink': 10, jet: 1.2, 'loop-typed': 1 / 2 },
  'sliding-best': { 'better-flink': 15, jet: 1.3, loop: 1 / 2 },
  'running-sum': { 'better-flink': 5, jet: 5, 'loop-typed': 1 / 2.5 },
}
const EXCHANGE_PARALLELISM = 2
/** State beyond memory: the segment store, and RocksDB beneath Millrace as beneath Flink. */
const LARGE_STATE_GOALS: Readonly<Partial<Record<PeerName, { readonly uniform: number; readonly skewed: number }>>> = {
  millrace: { uniform: 2, skewed: 2 },
  'millrace-rocksdb': { uniform: 0.5, skewed: 2 },
}

/** From so many windows of a record on. */
export const MANY_WINDOWS = 360
export const MANY_WINDOWS_GOALS: Partial<Record<Opponent, number>> = { flink: 50, 'flink-sql': 8, jet: 1 }

export function standingsOf(comparison: Comparison): readonly Standing[] {
  const isOwn = ({ peer }: ComparedSide): boolean => peer.name.startsWith('millrace')
  const peers = comparison.sides.filter((side) => !isOwn(side))
  return comparison.sides.filter(isOwn).flatMap((side) => standingsOfSide(side, peers, comparison))
}

function standingsOfSide(
  millrace: ComparedSide,
  peers: readonly ComparedSide[],
  comparison: Comparison,
): readonly Standing[] {
  const side = millrace.peer.name
  const goals = goalsOf(comparison, side)
  const standings = peers.map((peer) => {
    const name = peer.peer.name as Opponent
    return { side, against: name as string, ...ratiosOf(millrace, peer), goal: goalOf(goals[name]) }
  })
  const flinks = standings.filter(({ against }) => against.startsWith('flink'))
  const better = flinks.toSorted((a, b) => a.gross - b.gross)[0]
  if (better === undefined || goals['better-flink'] === undefined) return standings
  const against = flinks.length > 1 ? `the better of ${flinks.map((one) => one.against).join(', ')}` : better.against
  return [
    ...standings.filter((one) => !flinks.includes(one) || flinks.length > 1),
    { ...better, against, goal: goalOf(goals['better-flink']) },
  ]
}

/** Of the gross figure; where the start is more than a little of a side, only when it does not depend on it. */
export function decideVerdict(
  { gross, running, startShare }: Pick<Standing, 'gross' | 'running' | 'startShare'>,
  grossMin: number,
): Verdict {
  const isReached = gross >= grossMin
  const isSure =
    startShare <= START_SHARE_MAX || (startShare <= START_SHARE_AGREED_MAX && isReached === running >= grossMin)
  if (!isSure) return 'too short'
  return isReached ? 'reached' : 'not reached'
}

function goalsOf({ workload, settings }: Comparison, side: PeerName): Partial<Record<Opponent, number>> {
  if (workload.kind === 'query') return { 'better-flink': QUERY_MIN }
  // Within one slot there is nothing to exchange.
  if (workload.name === 'exchange' && settings.parallelism !== EXCHANGE_PARALLELISM) return {}
  const { sizeMs = 10_000, slideMs = 2_000 } = settings
  if (workload.name === 'sliding') return sizeMs / slideMs >= MANY_WINDOWS ? MANY_WINDOWS_GOALS : {}
  if (workload.name === 'large-state') {
    const flink = LARGE_STATE_GOALS[side]?.[settings.skew === undefined ? 'uniform' : 'skewed']
    return flink === undefined ? {} : { flink }
  }
  return SHAPE_GOALS[workload.name] ?? {}
}

function goalOf(grossMin: number | undefined): Goal | undefined {
  return grossMin === undefined ? undefined : { grossMin }
}

type Ratios = Pick<Standing, 'gross' | 'running' | 'net' | 'startShare'>

function ratiosOf(millrace: ComparedSide, peer: ComparedSide): Ratios {
  const ratio = (costOf: (side: ComparedSide, run: Run) => number): number =>
    median(millrace.runs.map((run, round) => costOf(peer, peer.runs[round] as Run) / costOf(millrace, run)))
  return {
    gross: ratio((_, run) => run.cpuSeconds),
    running: ratio((_, run) => runningCpuSeconds(run)),
    net: hasClearNet(millrace) && hasClearNet(peer) ? ratio(netCpuSeconds) : undefined,
    startShare: Math.max(startShareOf(millrace), startShareOf(peer)),
  }
}

/** Of one run. */
export function netCpuSeconds({ generatorCpuSeconds }: ComparedSide, run: Run): number {
  return runningCpuSeconds(run) - median(generatorCpuSeconds)
}

/** Where no generator was measured nothing is said against it: the figure is unknown by itself. */
export function hasClearNet(side: ComparedSide): boolean {
  const { runs, generatorCpuSeconds } = side
  if (generatorCpuSeconds.length === 0) return true
  const running = runs.map(runningCpuSeconds)
  const noise = Math.max(halfRange(running) + halfRange(generatorCpuSeconds), SPREAD_MIN * median(running))
  return median(runs.map((run) => netCpuSeconds(side, run))) > NET_SPREADS_MIN * noise
}

function startShareOf({ runs }: ComparedSide): number {
  return median(runs.map(({ cpuSeconds, setupCpuSeconds }) => setupCpuSeconds / cpuSeconds))
}
