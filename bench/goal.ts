/** How Millrace stands against its peers in a comparison, and the figure that is to be reached. */
import type { ComparedSide, Comparison, Run } from './comparison.ts'
import { median } from './statistics.ts'

/** CPU time of Millrace and a peer, round by round. */
export interface Standing {
  /** Whom against, as `loop` or `the better of flink, flink-sql`. */
  readonly against: string
  /** Median of the paired runs: how often Millrace's CPU time goes into the peer's. */
  readonly gross: number
  /** The same without the start of each side, as in a run without end. */
  readonly running: number
  /** The same without start and generator. */
  readonly net: number
  /** The larger share that the start has of a side's CPU time: what it says is of the start, when it is large. */
  readonly startShare: number
  readonly goal: Goal | undefined
}

/** At least so much of the peer's work per CPU second; below 1: a loop of which Millrace may cost a multiple. */
export interface Goal {
  readonly grossMin: number
}

export const QUERIES_MEAN_MIN = 5
const QUERY_MIN = 1.3

type Opponent = 'flink' | 'flink-sql' | 'better-flink' | 'jet' | 'loop' | 'loop-typed'

const SHAPE_GOALS: Readonly<Record<string, Partial<Record<Opponent, number>>>> = {
  chain: { 'better-flink': 1.3, jet: 4, loop: 1 / 1.5 },
  exchange: { 'better-flink': 3.5 },
  'keyed-tumbling': { 'better-flink': 10, jet: 1.2, 'loop-typed': 1 / 2 },
  'sliding-best': { 'better-flink': 15, jet: 1.3, loop: 1 / 2 },
  'running-sum': { 'better-flink': 5, jet: 5, 'loop-typed': 1 / 2.5 },
}
/** From so many windows of a record on. */
const MANY_WINDOWS = 360
const MANY_WINDOWS_GOALS: Partial<Record<Opponent, number>> = { flink: 50, 'flink-sql': 8, jet: 1 }

export function standingsOf(comparison: Comparison): readonly Standing[] {
  const [millrace, ...peers] = comparison.sides
  if (millrace?.peer.name !== 'millrace') return []
  const goals = goalsOf(comparison)
  const standings = peers.map((peer) => {
    const name = peer.peer.name as Opponent
    return { against: name as string, ...ratiosOf(millrace, peer), goal: goalOf(goals[name]) }
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

function goalsOf({ workload, settings }: Comparison): Partial<Record<Opponent, number>> {
  if (workload.kind === 'query') return { 'better-flink': QUERY_MIN }
  const { sizeMs = 10_000, slideMs = 2_000 } = settings
  if (workload.name === 'sliding') return sizeMs / slideMs >= MANY_WINDOWS ? MANY_WINDOWS_GOALS : {}
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
    running: ratio((_, run) => run.cpuSeconds - run.setupCpuSeconds),
    net: ratio(({ generatorCpuSeconds }, run) => run.cpuSeconds - run.setupCpuSeconds - generatorCpuSeconds),
    startShare: Math.max(startShareOf(millrace), startShareOf(peer)),
  }
}

function startShareOf({ runs }: ComparedSide): number {
  return median(runs.map(({ cpuSeconds, setupCpuSeconds }) => setupCpuSeconds / cpuSeconds))
}
