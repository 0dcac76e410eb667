/** Measures latency: finds the maximal rate of each job first, then runs at shares of it with each buffer timeout. */
import { messageOf } from '../comparison.ts'
import { measureLongestPause } from '../machine/longest-pause.ts'
import { type Command, type costOfProcess, measureAs, nodeCommand } from '../measured-process.ts'
import {
  type FailedLatency,
  isOfGoal,
  keepsUp,
  LATENCY_GOAL,
  type LatencyLabel,
  type LatencyLine,
  latencyVerdictText,
} from './latency-line.ts'
import type { LatencyRun, LatencyRunSettings } from './latency-run.ts'
import { decideNextTrial, type Trial } from './maximal-rate.ts'

const PARALLELISM = [1, 2]
const BUFFER_TIMEOUTS_MS = [0, 10, 100]
const RATE_PERCENTS = [10, 50, 90]
const WARM_UP_MS = 5_000
/** Of a run of the search, after its warm-up. */
const TRIAL_MS = 5_000
/** Ten in the shortest run that is judged. */
const CHECKPOINT_EVERY_MS = 1_000

interface Output {
  readonly onLine: (line: LatencyLine | FailedLatency) => void
  readonly commandOf: (settings: LatencyRunSettings) => Command
}
type Base = Pick<LatencyRunSettings, 'job' | 'parallelism' | 'warmUpMs' | 'checkpointEveryMs'>

/** False when a run failed. Whether the goal is reached does not count. `commandOf` is for tests. */
export async function measureLatency(
  jobs: readonly LatencyRunSettings['job'][],
  seconds: number,
  onLine: Output['onLine'],
  commandOf: Output['commandOf'] = latencyCommand,
): Promise<boolean> {
  console.log(
    `\nlatency from source to sink in ms, runs of ${seconds} s after ${WARM_UP_MS / 1_000} s, a checkpoint every ${CHECKPOINT_EVERY_MS / 1_000} s;\nmachine: the longest pause of threads that only count, in the 2 s before`,
  )
  console.log(
    '  job      slots  k rec/s     %  buffer ms     rows      p50      p90      p99    p99.9      max   machine',
  )
  let isFine = true
  for (const job of jobs) {
    for (const parallelism of PARALLELISM) {
      const base = { job, parallelism, warmUpMs: WARM_UP_MS, checkpointEveryMs: CHECKPOINT_EVERY_MS }
      if (!(await measureJob(base, seconds * 1_000, { onLine, commandOf }))) isFine = false
    }
  }
  return isFine
}

async function measureJob(base: Base, durationMs: number, output: Output): Promise<boolean> {
  const maximum = await findMaximalRate(base, output)
  if (maximum === undefined) return false
  console.log(`${headOf(base, maximum)}   the maximal rate`)
  let isFine = true
  for (const ratePercent of RATE_PERCENTS) {
    const perSecond = Math.round((maximum * ratePercent) / 100)
    for (const bufferTimeoutMs of BUFFER_TIMEOUTS_MS) {
      const line = await run({ ...base, perSecond, bufferTimeoutMs, durationMs }, ratePercent, output)
      if (line === undefined) isFine = false
      else console.log(renderLine(line))
    }
  }
  return isFine
}

function latencyCommand(settings: LatencyRunSettings): Command {
  return nodeCommand('./latency/run-latency.ts', [JSON.stringify(settings)])
}

/** In records per second; undefined when a run failed or no rate is kept up with, which has been said then. */
async function findMaximalRate(base: Base, output: Output): Promise<number | undefined> {
  const settings = { ...base, bufferTimeoutMs: LATENCY_GOAL.bufferTimeoutMs, durationMs: TRIAL_MS }
  const unpaced = await run({ ...settings, perSecond: undefined }, null, output)
  if (unpaced === undefined) return undefined
  const trials: Trial[] = []
  for (;;) {
    const next = decideNextTrial(unpaced.reachedPerSecond, trials)
    if (next.kind === 'found') return next.perSecond
    if (next.kind === 'none') {
      fail(new Error('It keeps up with no rate'), { ...settings, perSecond: undefined }, null, output)
      return undefined
    }
    const trial = await run({ ...settings, perSecond: next.perSecond }, null, output)
    if (trial === undefined) return undefined
    trials.push({ perSecond: next.perSecond, keepsUp: keepsUp(trial) })
  }
}

/** Undefined when it failed. */
async function run(
  settings: LatencyRunSettings,
  ratePercent: number | null,
  output: Output,
): Promise<LatencyLine | undefined> {
  try {
    const pause = ratePercent === null ? {} : { machinePauseMs: await measureLongestPause(settings.parallelism) }
    const measured = await measureAs<LatencyRun & ReturnType<typeof costOfProcess>>(output.commandOf(settings))
    const line = { ...labelOf(settings, ratePercent), ...pause, ...measured }
    output.onLine(line)
    return line
  } catch (error) {
    fail(error, settings, ratePercent, output)
    return undefined
  }
}

function fail(error: unknown, settings: LatencyRunSettings, ratePercent: number | null, { onLine }: Output): void {
  const failed = { failure: messageOf(error), ...labelOf(settings, ratePercent) }
  onLine(failed)
  console.log(`${headOf(settings, settings.perSecond ?? Number.NaN)}   FAILS: ${failed.failure}`)
}

function labelOf({ job, perSecond, ...others }: LatencyRunSettings, ratePercent: number | null): LatencyLabel {
  return { latency: job, ...others, perSecond: perSecond ?? null, ratePercent }
}

function headOf({ job, parallelism }: Record<'job', string> & Pick<Base, 'parallelism'>, perSecond: number): string {
  return `  ${job.padEnd(8)}${`${parallelism}`.padStart(6)}${(perSecond / 1e3).toFixed(0).padStart(9)}`
}

function renderLine(line: LatencyLine): string {
  const { latency, parallelism, ratePercent, bufferTimeoutMs, reachedPerSecond, recorded } = line
  const head = headOf({ job: latency, parallelism }, reachedPerSecond)
  const times = [line.p50Ms, line.p90Ms, line.p99Ms, line.p999Ms, line.maxMs]
  const machine = line.machinePauseMs?.toFixed(2) ?? '–'
  const verdict = latencyVerdictText(line)
  const goal = isOfGoal(line) ? `goal p99 below ${LATENCY_GOAL.p99MsMax} ms: ` : ''
  return (
    `${head}${`${ratePercent}`.padStart(6)}${`${bufferTimeoutMs}`.padStart(11)}${`${recorded}`.padStart(9)}` +
    `${times.map((ms) => ms.toFixed(2).padStart(9)).join('')}${machine.padStart(10)}${verdict === '' ? '' : `  ${goal}${verdict}`}`
  )
}
