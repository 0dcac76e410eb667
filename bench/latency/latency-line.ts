/** Lines of latency, and what is said of one: whether the job kept up with its rate, and how it stands against the goal. */
import type { Measured } from '../measured-process.ts'
import type { LatencyRun, LatencyRunSettings } from './latency-run.ts'

/** What a run was to do. */
export interface LatencyLabel extends Omit<LatencyRunSettings, 'job' | 'perSecond'> {
  /** The job. */
  readonly latency: string
  /** Null: as fast as it goes. */
  readonly perSecond: number | null
  /** Of the maximal rate, which was found just before; null: a run of the search for it. */
  readonly ratePercent: number | null
}

/** One run. */
export interface LatencyLine
  extends LatencyRun,
    LatencyLabel,
    Pick<Measured, 'cpuSeconds' | 'wallSeconds' | 'peakMemoryBytes' | 'othersCores'> {
  /** `measureLongestPause` of as many threads as there are slots, just before; left out in the search for the maximal rate. */
  readonly machinePauseMs?: number
}

/** One that failed, or a search that found no rate. */
export interface FailedLatency extends LatencyLabel {
  readonly failure: string
}

/** The goal is of this rate and buffer timeout. */
export const LATENCY_GOAL = { ratePercent: 50, bufferTimeoutMs: 10, p99MsMax: 20 }
/** What is shorter has too few checkpoints and collections of garbage in it. */
const DURATION_MS_MIN = 10_000
const CHECKPOINTS_MIN = 3
/** Further behind at the best moment of its last second, the source waits for a job that does not keep up. */
const BACKLOG_MS_MAX = 10

export type LatencyVerdict = 'reached' | 'not reached' | 'does not keep up' | 'too short'

export function keepsUp({ perSecond, backlogMs }: Pick<LatencyLine, 'perSecond' | 'backlogMs'>): boolean {
  return perSecond === null || backlogMs <= BACKLOG_MS_MAX
}

export function isOfGoal({ ratePercent, bufferTimeoutMs }: LatencyLabel): boolean {
  return ratePercent === LATENCY_GOAL.ratePercent && bufferTimeoutMs === LATENCY_GOAL.bufferTimeoutMs
}

/** Undefined for a run that the goal is not about. A rate that is not kept up with is no success, whatever its times. */
export function decideLatencyVerdict(line: LatencyLine): LatencyVerdict | undefined {
  if (!isOfGoal(line)) return undefined
  if (!keepsUp(line)) return 'does not keep up'
  if (line.durationMs < DURATION_MS_MIN || line.checkpoints < CHECKPOINTS_MIN) return 'too short'
  return line.p99Ms < LATENCY_GOAL.p99MsMax ? 'reached' : 'not reached'
}

/** Empty where there is nothing to say. */
export function latencyVerdictText(line: LatencyLine): string {
  switch (decideLatencyVerdict(line)) {
    case undefined:
      return keepsUp(line) ? '' : 'does not keep up'
    case 'does not keep up':
      return 'NOT reached: does not keep up'
    case 'too short':
      return 'too short to say'
    case 'reached':
      return 'reached'
    case 'not reached':
      return 'NOT reached'
  }
}
