/** The tables that are printed. */
import type { ComparedSide, Comparison } from './comparison.ts'
import { QUERIES_MEAN_MIN, type Standing } from './goal.ts'
import { geometricMean, median, spread } from './statistics.ts'

const COLUMNS = [12, 16, 9, 13, 14, 9, 9, 9, 8, 10]
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
  const mean = geometricMean(standings.map(({ gross }) => gross))
  const running = geometricMean(standings.map(({ running }) => running))
  const net = geometricMean(standings.map(({ net }) => net))
  return (
    `\nGeometric mean of ${standings.length} queries against Flink: ${mean.toFixed(2)} × ` +
    `(running ${running.toFixed(2)} ×, net ${net.toFixed(2)} ×); ` +
    `goal ${QUERIES_MEAN_MIN} ×: ${reached(mean >= QUERIES_MEAN_MIN)}`
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
    `${cpuSeconds.toFixed(2)} ± ${(spread(cpu) * 100).toFixed(0)} %`,
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

/** Against loops the other way round: their cost is the limit. */
function renderStanding({ against, gross, running, net, startShare, goal }: Standing): string {
  const isLoop = against.startsWith('loop')
  const figure = (ratio: number): string => `${(isLoop ? 1 / ratio : ratio).toFixed(2)} ×`
  const what = isLoop ? `the CPU of ${against}` : `the events per CPU second of ${against}`
  const text = `  ${figure(gross)} ${what} (running ${figure(running)}, net ${figure(net)})`
  if (goal === undefined) return text
  const wanted = isLoop ? `at most ${(1 / goal.grossMin).toFixed(1)} ×` : `at least ${goal.grossMin} ×`
  if (startShare <= START_SHARE_MAX) return `${text}; goal ${wanted}: ${reached(gross >= goal.grossMin)}`
  return `${text}; goal ${wanted}: too short to say, the start is up to ${(startShare * 100).toFixed(0)} % of a side`
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

function reached(isReached: boolean): string {
  return isReached ? 'reached' : 'NOT reached'
}

function millions(value: number): string {
  return (value / 1e6).toFixed(2)
}
