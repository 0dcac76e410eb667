/** The parts of the page with shapes and queries against their peers: those in memory, and the one with state beyond it. */
import type { ComparedSide, Comparison, Run } from '../comparison.ts'
import { type Standing, standingsOf } from '../goal.ts'
import { isLoop, renderQueriesMean, textsOf } from '../report.ts'
import { median, spread } from '../statistics.ts'
import type { Workload } from '../workload.ts'
import { count, emphasised, failureText, provenance, table } from './markdown.ts'
import { measurementsOf } from './measurement.ts'
import type { Session } from './parse-lines.ts'
import { comparisonsOf } from './regroup-runs.ts'

const UNKNOWN = '–'

/** Undefined when no session compared any of them. */
export function renderComparisonPart(
  sessions: readonly Session[],
  isOf: (workload: Workload) => boolean,
): string | undefined {
  const parts = measurementsOf(sessions).flatMap((measurement) => {
    const all = measurement.sessions.flatMap(({ runs, failedRuns }) => comparisonsOf(runs, failedRuns))
    const comparisons = lastOfEach(all.filter(({ workload }) => isOf(workload)))
    return comparisons.length === 0 ? [] : [`${provenance(measurement)}\n\n${renderComparisons(comparisons)}`]
  })
  return parts.length === 0 ? undefined : parts.join('\n\n')
}

/** What was measured again stands, but not in place of what was measured against others. */
function lastOfEach(all: readonly Comparison[]): readonly Comparison[] {
  const byKey = Map.groupBy(all, (one) => `${titleOf(one)} ${one.sides.map(({ peer }) => peer.name).join()}`)
  return [...byKey.values()].map((own) => own.at(-1) as Comparison)
}

function renderComparisons(comparisons: readonly Comparison[]): string {
  const standings = comparisons.map((comparison) => ({ comparison, standings: standingsOf(comparison) }))
  const againstFlink = standings
    .filter(({ comparison }) => comparison.workload.kind === 'query')
    .flatMap(({ standings: own }) => own.findLast(({ against, goal }) => against.includes('flink') && goal) ?? [])
  const failures = comparisons.flatMap(({ workload, failures: own }) =>
    own.map((one) => `**${workload.name} FAILS**: ${failureText(one)}`),
  )
  return [
    table(
      ['', 'against', 'gross', 'running', 'net', 'goal (gross)', 'verdict', 'peak memory'],
      standings.flatMap(({ comparison, standings: own }) => own.map((one) => standingRow(comparison, one))),
    ),
    ...(againstFlink.length > 0 ? [emphasised(renderQueriesMean(againstFlink).trim())] : []),
    ...failures,
    table(
      ['', 'side', 'runs', 'CPU s', 'start s', 'running s', 'M events per CPU s', 'peak MB', 'wall s', "others' cores"],
      comparisons.flatMap((comparison) => comparison.sides.map((side) => sideRow(comparison, side))),
    ),
  ].join('\n\n')
}

function standingRow(comparison: Comparison, standing: Standing): readonly string[] {
  const { gross, running, net, wanted = '', verdict = '' } = textsOf(standing)
  const ofCpu = (figure: string): string =>
    isLoop(standing.against) && figure.endsWith('×') ? `${figure} CPU` : figure
  return [
    standing.side === 'millrace' ? titleOf(comparison) : `${titleOf(comparison)}: ${standing.side}`,
    standing.against,
    ofCpu(gross),
    ofCpu(running),
    ofCpu(net),
    wanted === '' ? '' : ofCpu(wanted),
    emphasised(verdict),
    memoryAgainst(comparison, standing),
  ]
}

/** Of Flink only: its processes are what Millrace has to stay below. */
function memoryAgainst({ sides }: Comparison, { side: own, against }: Standing): string {
  if (against !== 'flink' && against !== 'flink-sql') return ''
  const [ownBytes, theirBytes] = [own, against].map((name) => {
    const side = sides.find(({ peer }) => peer.name === name)
    return side === undefined ? Number.NaN : peakBytes(side)
  }) as [number, number]
  if (!(ownBytes > 0 && theirBytes > 0)) return UNKNOWN
  return `${(ownBytes / theirBytes).toFixed(2)} ×: ${ownBytes < theirBytes ? 'below' : '**NOT below**'}`
}

function sideRow(comparison: Comparison, { peer, runs }: ComparedSide): readonly string[] {
  const cpu = runs.map(({ cpuSeconds }) => cpuSeconds)
  const cpuSeconds = median(cpu)
  const peak = peakBytes({ runs })
  return [
    titleOf(comparison),
    peer.name,
    `${runs.length}`,
    `${cpuSeconds.toFixed(2)} ± ${(spread(cpu) * 100).toFixed(0)} %`,
    median(runs.map(({ setupCpuSeconds }) => setupCpuSeconds)).toFixed(2),
    median(runs.map((run) => run.cpuSeconds - run.setupCpuSeconds)).toFixed(2),
    (comparison.settings.events / cpuSeconds / 1e6).toFixed(2),
    peak > 0 ? (peak / 1e6).toFixed(0) : UNKNOWN,
    median(runs.map(({ wallSeconds }) => wallSeconds)).toFixed(1),
    othersCoresOf(runs),
  ]
}

/** The highest of all runs. */
function othersCoresOf(runs: readonly Run[]): string {
  const known = runs.flatMap(({ othersCores }) => othersCores ?? [])
  return known.length === 0 ? UNKNOWN : Math.max(...known).toFixed(1)
}

function peakBytes({ runs }: Pick<ComparedSide, 'runs'>): number {
  return median(runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? Number.NaN))
}

/** With all that it was given, so that one shape may stand there twice. */
function titleOf({ workload, settings }: Comparison): string {
  const { events, parallelism, ...others } = settings
  const more = Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]))
  return [
    workload.name,
    `${count(events)} events`,
    ...(parallelism === 1 ? [] : [`parallelism ${parallelism}`]),
    ...more,
  ].join(', ')
}
