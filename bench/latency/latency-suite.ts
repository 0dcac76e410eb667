/** Measures latency: finds the maximal rate of each job first, then runs at shares of it with each buffer timeout. */
import type { Measured } from '../measured-process.ts'
import { nodeCommand, outputOf } from '../measured-process.ts'
import type { LatencyRun, LatencyRunSettings } from './latency-run.ts'

/** One run. */
export interface LatencyLine
  extends LatencyRun,
    Omit<LatencyRunSettings, 'job' | 'perSecond'>,
    Pick<Measured, 'cpuSeconds' | 'wallSeconds' | 'peakMemoryBytes'> {
  /** The job. */
  readonly latency: string
  /** Null: as fast as it goes. */
  readonly perSecond: number | null
  /** Of the maximal rate, which was measured just before. */
  readonly ratePercent: number
}

const PARALLELISM = [1, 2]
const BUFFER_TIMEOUTS_MS = [0, 10, 100]
const RATE_PERCENTS = [10, 50, 90]
const WARM_UP_MS = 4_000
const MAXIMUM_MS = 6_000
/** The goal is of this rate and buffer timeout. */
export const LATENCY_GOAL = { ratePercent: 50, bufferTimeoutMs: 10, p99MsMax: 20 }
/** Below, the job could not keep up with its rate. */
const REACHED_MIN = 0.98

export async function measureLatency(
  jobs: readonly LatencyRunSettings['job'][],
  seconds: number,
  onRun: (run: LatencyLine) => void,
): Promise<void> {
  console.log(
    `\nlatency from source to sink in ms, runs of ${seconds} s after ${WARM_UP_MS / 1_000} s, a checkpoint every 10 s`,
  )
  console.log('  job      slots  k rec/s     %  buffer ms      p50      p90      p99    p99.9      max')
  const durationMs = seconds * 1_000
  for (const job of jobs) {
    for (const parallelism of PARALLELISM) {
      const base = { job, parallelism, warmUpMs: WARM_UP_MS, checkpointEveryMs: 10_000 }
      const unpaced = { ...base, bufferTimeoutMs: 100, perSecond: undefined, durationMs: MAXIMUM_MS }
      const maximum = await run(unpaced, 100)
      take(maximum)
      for (const ratePercent of RATE_PERCENTS) {
        const perSecond = Math.round((maximum.reachedPerSecond * ratePercent) / 100)
        for (const bufferTimeoutMs of BUFFER_TIMEOUTS_MS) {
          take(await run({ ...base, perSecond, bufferTimeoutMs, durationMs }, ratePercent))
        }
      }
    }
  }

  function take(line: LatencyLine): void {
    onRun(line)
    console.log(renderLine(line))
  }
}

async function run(settings: LatencyRunSettings, ratePercent: number): Promise<LatencyLine> {
  const { job, perSecond = null, ...others } = settings
  const output = await outputOf(nodeCommand('./latency/run-latency.ts', [JSON.stringify(settings)]))
  return { latency: job, ...others, perSecond, ratePercent, ...(JSON.parse(output) as LatencyRun & Measured) }
}

function renderLine(line: LatencyLine): string {
  const { latency, parallelism, ratePercent, bufferTimeoutMs, reachedPerSecond } = line
  const head = `  ${latency.padEnd(8)}${`${parallelism}`.padStart(6)}${(reachedPerSecond / 1e3).toFixed(0).padStart(9)}`
  if (line.perSecond === null) return `${head}   the maximal rate`
  const times = [line.p50Ms, line.p90Ms, line.p99Ms, line.p999Ms, line.maxMs]
  const verdict = isOfGoal(line) ? `  goal p99 below ${LATENCY_GOAL.p99MsMax} ms: ${reached(line)}` : ''
  return (
    `${head}${`${ratePercent}`.padStart(6)}${`${bufferTimeoutMs}`.padStart(11)}` +
    `${times.map((ms) => ms.toFixed(2).padStart(9)).join('')}${keepsUp(line) ? '' : '  does not keep up'}${verdict}`
  )
}

export function isOfGoal({ ratePercent, bufferTimeoutMs }: LatencyLine): boolean {
  return ratePercent === LATENCY_GOAL.ratePercent && bufferTimeoutMs === LATENCY_GOAL.bufferTimeoutMs
}

export function keepsUp({ perSecond, reachedPerSecond }: LatencyLine): boolean {
  return perSecond === null || reachedPerSecond >= perSecond * REACHED_MIN
}

function reached({ p99Ms }: LatencyLine): string {
  return p99Ms < LATENCY_GOAL.p99MsMax ? 'reached' : 'NOT reached'
}
