/** The part of the page with times from due to sink. */
import { isOfGoal, keepsUp, LATENCY_GOAL, type LatencyLine } from '../latency/latency-suite.ts'
import { count, provenance, table, verdict } from './markdown.ts'
import type { Session } from './parse-lines.ts'

const HEAD = [
  '',
  'slots',
  'records/s',
  '% of maximum',
  'buffer timeout ms',
  'p50',
  'p90',
  'p99',
  'p99.9',
  'max',
  'verdict',
]

/** Undefined when no session measured latency. */
export function renderLatencyPart(sessions: readonly Session[]): string | undefined {
  const measured = sessions.filter(({ latency }) => latency.length > 0)
  if (measured.length === 0) return undefined
  const parts = measured.map(
    ({ about, latency }) => `${provenance(about)} Times in ms.\n\n${table(HEAD, latency.map(row))}`,
  )
  return [
    `Goal: p99 below ${LATENCY_GOAL.p99MsMax} ms at ${LATENCY_GOAL.ratePercent} % of the maximal rate with buffer timeout ${LATENCY_GOAL.bufferTimeoutMs} ms.`,
    ...parts,
  ].join('\n\n')
}

function row(line: LatencyLine): readonly string[] {
  const { latency, parallelism, reachedPerSecond, ratePercent, bufferTimeoutMs } = line
  const head = [latency, `${parallelism}`, count(reachedPerSecond)]
  // Records of an unpaced run are due when they come, so it has no times that mean something.
  if (line.perSecond === null) return [...head, 'maximum', `${bufferTimeoutMs}`, '', '', '', '', '', '']
  const times = [line.p50Ms, line.p90Ms, line.p99Ms, line.p999Ms, line.maxMs].map((ms) => ms.toFixed(2))
  return [...head, `${ratePercent}`, `${bufferTimeoutMs}`, ...times, judged(line)]
}

function judged(line: LatencyLine): string {
  const slow = keepsUp(line) ? [] : ['does not keep up']
  return [...slow, ...(isOfGoal(line) ? [verdict(line.p99Ms < LATENCY_GOAL.p99MsMax)] : [])].join(', ')
}
