/** The part of the page with times from due to sink. */
import { type FailedLatency, LATENCY_GOAL, type LatencyLine, latencyVerdictText } from '../latency/latency-line.ts'
import { count, emphasised, failureText, provenance, table } from './markdown.ts'
import { measurementsOf } from './measurement.ts'
import type { Session } from './parse-lines.ts'

const HEAD = [
  '',
  'slots',
  'records/s',
  '% of maximum',
  'buffer timeout ms',
  'rows measured',
  'checkpoints',
  'p50',
  'p90',
  'p99',
  'p99.9',
  'max',
  'pause of the machine',
  "others' cores",
  'verdict',
]

/** Undefined when no session measured latency. */
export function renderLatencyPart(sessions: readonly Session[]): string | undefined {
  const measured = sessions.filter(({ latency, failedLatency }) => latency.length + failedLatency.length > 0)
  if (measured.length === 0) return undefined
  const parts = measurementsOf(measured).map((measurement) => {
    const lines = measurement.sessions
      .flatMap(({ latency }) => latency)
      .filter(({ ratePercent }) => ratePercent !== null)
    const failed = measurement.sessions.flatMap(({ failedLatency }) => failedLatency)
    // Runs of one session have one length.
    const [first] = lines
    const length =
      first === undefined ? '' : ` Runs of ${first.durationMs / 1_000} s after ${first.warmUpMs / 1_000} s.`
    return `${provenance(measurement)}${length} Times in ms.\n\n${table(HEAD, [...lines.map(row), ...failed.map(failedRow)])}`
  })
  return [
    `Goal: p99 below ${LATENCY_GOAL.p99MsMax} ms at ${LATENCY_GOAL.ratePercent} % of the maximal rate with buffer timeout ${LATENCY_GOAL.bufferTimeoutMs} ms.`,
    ...parts,
  ].join('\n\n')
}

function row(line: LatencyLine): readonly string[] {
  const { latency, parallelism, reachedPerSecond, ratePercent, bufferTimeoutMs, recorded, checkpoints } = line
  const times = [line.p50Ms, line.p90Ms, line.p99Ms, line.p999Ms, line.maxMs].map((ms) => ms.toFixed(2))
  return [
    latency,
    `${parallelism}`,
    count(reachedPerSecond),
    `${ratePercent}`,
    `${bufferTimeoutMs}`,
    count(recorded),
    `${checkpoints}`,
    ...times,
    line.machinePauseMs?.toFixed(2) ?? '–',
    line.othersCores?.toFixed(1) ?? '–',
    emphasised(latencyVerdictText(line)),
  ]
}

function failedRow({ latency, parallelism, perSecond, ratePercent, bufferTimeoutMs, failure }: FailedLatency) {
  const rate = perSecond === null ? '' : count(perSecond)
  const head = [latency, `${parallelism}`, rate, `${ratePercent ?? 'search'}`, `${bufferTimeoutMs}`]
  return [...head, '', '', '', '', '', '', '', '', '', `**FAILS**: ${failureText(failure)}`]
}
