/** The tables that are printed. */
import type { ComparedSide, Comparison } from './comparison.ts'
import { QUERIES_MEAN_MIN, type Standing } from './goal.ts'
import { geometricMean, median, spread } from './statistics.ts'

const COLUMNS = [12, 18, 9, 11, 13, 9, 10, 9, 10]

export function renderComparison(comparison: Comparison, standings: readonly Standing[]): string {
  const { workload, settings, sides, compared, failures } = comparison
  const { events, parallelism, ...more } = settings
  const options = Object.entries(more).flatMap(([name, value]) => (value === undefined ? [] : [`, ${name} ${value}`]))
  const [runs = 0] = sides.map((side) => side.runs.length)
  return [
    `\n${workload.name}, ${millions(events)} M events, parallelism ${parallelism}${options.join('')}, ${runs} rounds`,
    row(['side', 'CPU s', 'start s', 'generator s', 'M ev/CPU s', 'net', 'peak MB', 'wall s', 'rows']),
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
  const net = geometricMean(standings.map(({ net }) => net))
  return (
    `\nGeometric mean of ${standings.length} queries against Flink: ${mean.toFixed(2)} × (net ${net.toFixed(2)} ×); ` +
    `goal ${QUERIES_MEAN_MIN} ×: ${reached(mean >= QUERIES_MEAN_MIN)}`
  )
}

export const LEGEND =
  'CPU s: whole process, median of the runs and half of their range. start s: how much of it had passed before the work\n' +
  'began. generator s: what making the records alone costs on one thread; net is without it. Ratios are medians of pairs.'

function renderSide({ peer, runs, generatorCpuSeconds }: ComparedSide, events: number): string {
  const cpu = runs.map(({ cpuSeconds }) => cpuSeconds)
  const cpuSeconds = median(cpu)
  const memory = median(runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? Number.NaN))
  return row([
    peer.name,
    `${cpuSeconds.toFixed(2)} ± ${(spread(cpu) * 100).toFixed(0)} %`,
    median(runs.map(({ setupCpuSeconds }) => setupCpuSeconds)).toFixed(2),
    generatorCpuSeconds.toFixed(2),
    millions(events / cpuSeconds),
    millions(events / (cpuSeconds - generatorCpuSeconds)),
    (memory / 1e6).toFixed(0),
    median(runs.map(({ wallSeconds }) => wallSeconds)).toFixed(1),
    `${runs[0]?.outputs ?? ''}`,
  ])
}

/** Against loops the other way round: their cost is the limit. */
function renderStanding({ against, gross, net, goal }: Standing): string {
  const isLoop = against.startsWith('loop')
  const text = isLoop
    ? `${(1 / gross).toFixed(2)} × the CPU of ${against} (net ${(1 / net).toFixed(2)} ×)`
    : `${gross.toFixed(2)} × the events per CPU second of ${against} (net ${net.toFixed(2)} ×)`
  if (goal === undefined) return `  ${text}`
  const wanted = isLoop ? `at most ${(1 / goal.grossMin).toFixed(1)} ×` : `at least ${goal.grossMin} ×`
  return `  ${text}; goal ${wanted}: ${reached(gross >= goal.grossMin)}`
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
