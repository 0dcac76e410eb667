/** The tables that are printed. */
import type { ComparedSide, Comparison } from './comparison.ts'
import { QUERIES_MEAN_MIN, type Standing } from './goal.ts'
import { geometricMean, median, spread } from './statistics.ts'

const COLUMNS = [12, 16, 9, 13, 14, 9, 9, 9, 8, 10]
/** Stands where a generator alone cost more than the whole. */
const UNKNOWN = '–'
/** Above, a figure is of the start more than of the work. */
const START_SHARE_MAX = 0.1

export function renderComparison(comparison: Comparison, standings: readonly Standing[]): string {
  const { workload, settings, sides, compared, failures } = comparison
  const { events, parallelism, ...more } = settings
  const options = Object.entries(more).flatMap(([name, value]) => (value === undefined ? [] : [`, ${name} ${value}`]))
  const [runs = 0] = sides.map((side) => side.runs.length)
  return [
    `\n${workload.name}, ${millions(events)} M events, parallelism ${parallelism}${options.join('')}, ${runs} rounds`,
    row(['side', 'CPU s', 'start s', 'generator s', 'M ev/CPU s', 'running', 'net', 'peak MB', 'wall s', 'rows']),
    ...sides.map((side) => renderSide(side, events)),
    ...standings.map(renderStanding),
    ...(failures.length > 0 ? [] : [`  results: ${COMPARED_TEXT[compared]}${digestOf(sides, compared)}`]),
    ...failures.map((failure) => `  FAILS: ${failure}`),
  ].join('\n')
}

const COMPARED_TEXT = {
  digest: 'equal on all sides',
  rows: 'as many rows on all sides (which ones depends on order)',
  nothing: 'not compared (they depend on order)',
}

/** Over queries, against the better Flink. `standings`: one for each query. */
export function renderQueriesMean(standings: readonly Standing[]): string {
  const meanOf = (figure: 'gross' | 'running' | 'net'): number => geometricMean(standings.map((one) => one[figure]))
  const gross = meanOf('gross')
  const startShare = Math.max(...standings.map((one) => one.startShare))
  return (
    `\nGeometric mean of ${standings.length} queries against Flink: ${gross.toFixed(2)} × ` +
    `(running ${factor(meanOf('running'))}, net ${factor(meanOf('net'))}); ` +
    `goal ${QUERIES_MEAN_MIN} ×: ${judged(gross >= QUERIES_MEAN_MIN, startShare)}`
  )
}

export const LEGEND =
  'CPU s: whole process, median of the runs and half of their range. start s: how much of it had passed when the first\n' +
  'record was due. generator s: what making the records alone costs on one thread. M ev/CPU s: of the whole process;\n' +
  'running: without the start; net: without start and generator. Ratios are medians of pairs of runs.'

function renderSide({ peer, runs, generatorCpuSeconds }: ComparedSide, events: number): string {
  const cpu = runs.map(({ cpuSeconds }) => cpuSeconds)
  const cpuSeconds = median(cpu)
  const start = median(runs.map(({ setupCpuSeconds }) => setupCpuSeconds))
  const memory = median(runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? Number.NaN))
  return row([
    peer.name,
    `${cpuSeconds.toFixed(2)} ± ${percent(spread(cpu))}`,
    start.toFixed(2),
    generatorCpuSeconds.toFixed(2),
    millions(events / cpuSeconds),
    millions(events / (cpuSeconds - start)),
    millions(events / (cpuSeconds - start - generatorCpuSeconds)),
    (memory / 1e6).toFixed(0),
    median(runs.map(({ wallSeconds }) => wallSeconds)).toFixed(1),
    `${runs[0]?.outputs ?? ''}`,
  ])
}

function renderStanding(standing: Standing): string {
  const { gross, running, net, wanted, verdict } = textsOf(standing)
  const { against } = standing
  const what = isLoop(against) ? `the CPU of ${against}` : `the events per CPU second of ${against}`
  const text = `  ${gross} ${what} (running ${running}, net ${net})`
  return wanted === undefined ? text : `${text}; goal ${wanted}: ${verdict}`
}

/** `wanted` and `verdict`: where there is a goal. */
export interface StandingTexts {
  readonly gross: string
  readonly running: string
  readonly net: string
  readonly wanted: string | undefined
  readonly verdict: string | undefined
}

/** Against loops the other way round: their cost is the limit. */
export function textsOf({ against, gross, running, net, startShare, goal }: Standing): StandingTexts {
  const figure = (ratio: number): string => factor(isLoop(against) ? 1 / ratio : ratio)
  const atLeast = isLoop(against)
    ? (min: number) => `at most ${(1 / min).toFixed(1)} ×`
    : (min: number) => `at least ${min} ×`
  return {
    gross: figure(gross),
    running: figure(running),
    net: figure(net),
    wanted: goal && atLeast(goal.grossMin),
    verdict: goal && judged(gross >= goal.grossMin, startShare),
  }
}

/** Whether it stands for the limit, of which Millrace costs a multiple. */
export function isLoop(against: string): boolean {
  return against.startsWith('loop')
}

function digestOf(sides: readonly ComparedSide[], compared: Comparison['compared']): string {
  const run = sides[0]?.runs[0]
  return compared === 'digest' && run !== undefined ? `, digest ${run.digest}` : ''
}

function row(cells: readonly string[]): string {
  const padded = cells.map((cell, index) => {
    const width = COLUMNS[index] ?? 0
    return index === 0 ? cell.padEnd(width) : cell.padStart(width)
  })
  return `  ${padded.join('')}`
}

function judged(isReached: boolean, startShare: number): string {
  if (startShare > START_SHARE_MAX) return `too short to say, the start is up to ${percent(startShare)} of a side`
  return isReached ? 'reached' : 'NOT reached'
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

function millions(value: number): string {
  return value > 0 ? (value / 1e6).toFixed(2) : UNKNOWN
}

/** Unknown where a side's generator alone costs more than its whole run, so that nothing is left as net. */
function factor(ratio: number): string {
  return ratio > 0 && Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : UNKNOWN
}
