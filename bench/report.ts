/** The tables that are printed. */
import type { ComparedSide, Comparison } from './comparison.ts'
import { decideVerdict, hasClearNet, netCpuSeconds, QUERIES_MEAN_MIN, type Standing } from './goal.ts'
import { geometricMean, median, spread } from './statistics.ts'

const COLUMNS = [17, 16, 9, 13, 14, 9, 9, 9, 8, 10]
/** Stands where nothing was measured. */
const UNKNOWN = '–'
const TOO_SHORT = 'too short to say'

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
  const meanOf = (figure: 'gross' | 'running'): number => geometricMean(standings.map((one) => one[figure]))
  const nets = standings.flatMap(({ net }) => net ?? [])
  const net = nets.length === standings.length ? geometricMean(nets) : undefined
  const mean = {
    gross: meanOf('gross'),
    running: meanOf('running'),
    startShare: Math.max(...standings.map((one) => one.startShare)),
  }
  return (
    `\nGeometric mean of ${standings.length} queries against Flink: ${factor(mean.gross)} ` +
    `(running ${factor(mean.running)}, net ${netFactor(net)}); ` +
    `goal ${QUERIES_MEAN_MIN} ×: ${judged(mean, QUERIES_MEAN_MIN)}`
  )
}

export const LEGEND =
  'CPU s: whole process, median of the runs and half of their range. start s: how much of it had passed when the first\n' +
  'record was due. generator s: what making the records alone costs on one thread. M ev/CPU s: of the whole process;\n' +
  'running: without the start; net: without start and generator. Ratios are medians of pairs of runs.'

function renderSide(side: ComparedSide, events: number): string {
  const { peer, runs, generatorCpuSeconds } = side
  const cpu = runs.map(({ cpuSeconds }) => cpuSeconds)
  const cpuSeconds = median(cpu)
  const start = median(runs.map(({ setupCpuSeconds }) => setupCpuSeconds))
  const memory = median(runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? Number.NaN))
  return row([
    peer.name,
    `${cpuSeconds.toFixed(2)} ± ${percent(spread(cpu))}`,
    start.toFixed(2),
    median(generatorCpuSeconds).toFixed(2),
    millions(events / cpuSeconds),
    millions(events / (cpuSeconds - start)),
    hasClearNet(side) ? millions(events / median(runs.map((run) => netCpuSeconds(side, run)))) : UNKNOWN,
    (memory / 1e6).toFixed(0),
    median(runs.map(({ wallSeconds }) => wallSeconds)).toFixed(1),
    `${runs[0]?.outputs ?? ''}`,
  ])
}

function renderStanding(standing: Standing): string {
  const { gross, running, net, wanted, verdict } = textsOf(standing)
  const { against } = standing
  const what = isLoop(against) ? `the CPU of ${against}` : `the events per CPU second of ${against}`
  const who = standing.side === 'millrace' ? '' : `${standing.side}: `
  const text = `  ${who}${gross} ${what} (running ${running}, net ${net})`
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
export function textsOf(standing: Standing): StandingTexts {
  const { against, gross, running, net, goal } = standing
  const figure = (ratio: number): string => factor(isLoop(against) ? 1 / ratio : ratio)
  const atLeast = isLoop(against)
    ? (min: number) => `at most ${(1 / min).toFixed(1)} ×`
    : (min: number) => `at least ${min} ×`
  return {
    gross: figure(gross),
    running: figure(running),
    net: netFactor(net === undefined ? undefined : isLoop(against) ? 1 / net : net),
    wanted: goal && atLeast(goal.grossMin),
    verdict: goal && judged(standing, goal.grossMin),
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

function judged(figures: Pick<Standing, 'gross' | 'running' | 'startShare'>, grossMin: number): string {
  switch (decideVerdict(figures, grossMin)) {
    case 'too short':
      return `${TOO_SHORT}, the start is up to ${percent(figures.startShare)} of a side`
    case 'reached':
      return 'reached'
    case 'not reached':
      return 'NOT reached'
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

function millions(value: number): string {
  return value > 0 ? (value / 1e6).toFixed(2) : UNKNOWN
}

function netFactor(ratio: number | undefined): string {
  return ratio === undefined ? TOO_SHORT : factor(ratio)
}

function factor(ratio: number): string {
  return ratio > 0 && Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : UNKNOWN
}
