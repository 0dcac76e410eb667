/** One run of a latency job in this process. */
import { runBenchmarkJob } from '../job-run.ts'
import { type HistogramData, LatencyHistogram } from './latency-histogram.ts'
import { LATENCY_CHANNEL, LATENCY_ROWS } from './latency-sink.ts'
import { PACED_BACKLOG, PACED_IN_TIME, PACED_RECORDS } from './paced-source.ts'

export const LATENCY_JOBS = ['chain', 'keyed', 'window'] as const

export interface LatencyRunSettings {
  readonly job: (typeof LATENCY_JOBS)[number]
  readonly parallelism: number
  /** Undefined: as fast as it goes, to find the maximal rate. */
  readonly perSecond: number | undefined
  readonly bufferTimeoutMs: number
  readonly warmUpMs: number
  readonly durationMs: number
  readonly checkpointEveryMs: number
  /** Default: 10,000. */
  readonly keys?: number
}

/** Times are in ms, from due to the sink; of the rows that were due after the warm-up. */
export interface LatencyRun {
  readonly records: number
  /** All rows that the sink had. */
  readonly rows: number
  /** Those whose latency was taken. */
  readonly recorded: number
  /** Records per second after the warm-up, as the source gave them before its time was over. */
  readonly reachedPerSecond: number
  /** By how much the source was behind, in time of its rate, at the best moment of its last second. 0 where there is no pace. */
  readonly backlogMs: number
  /** Completed, in the warm-up too. */
  readonly checkpoints: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export async function runLatencyJob(settings: LatencyRunSettings): Promise<LatencyRun> {
  const { job, parallelism, perSecond, bufferTimeoutMs, warmUpMs, durationMs, checkpointEveryMs } = settings
  const { collected, checkpoints, counted } = await runBenchmarkJob(`./latency/jobs/${job}.ts`, {
    params: {
      ...(perSecond === undefined ? {} : { perSecond: `${perSecond}` }),
      warmUpMs: `${warmUpMs}`,
      durationMs: `${durationMs}`,
      splits: `${parallelism}`,
      ...(settings.keys === undefined ? {} : { keys: `${settings.keys}` }),
    },
    configuration: {
      'parallelism.default': `${parallelism}`,
      'execution.buffer-timeout': `${bufferTimeoutMs} ms`,
      'execution.checkpointing.interval': `${checkpointEveryMs} ms`,
    },
  })
  const histogram = new LatencyHistogram()
  for (const part of (collected[LATENCY_CHANNEL] ?? []) as HistogramData[]) histogram.addAll(part)
  if (histogram.count === 0) throw new Error(`${job}: no row was due after the warm-up`)
  return {
    records: counted(PACED_RECORDS),
    rows: counted(LATENCY_ROWS),
    recorded: histogram.count,
    reachedPerSecond: counted(PACED_IN_TIME) / (durationMs / 1_000),
    backlogMs: perSecond === undefined ? 0 : (counted(PACED_BACKLOG) / perSecond) * 1_000,
    checkpoints,
    p50Ms: histogram.percentile(0.5),
    p90Ms: histogram.percentile(0.9),
    p99Ms: histogram.percentile(0.99),
    p999Ms: histogram.percentile(0.999),
    maxMs: histogram.maxMs,
  }
}
