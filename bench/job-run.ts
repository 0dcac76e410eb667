/** Runs a benchmark job in this process, with exactly-once checkpoints, and gives the digest of its rows. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleJob, type JobOutcome, type JobReading, runJob } from '@millrace/runtime'
import { DIGEST_ROWS, DIGEST_SUM_A, DIGEST_SUM_B } from './digest/digest-sink.ts'
import { RowDigest } from './digest/row-digest.ts'

const WATCH_EVERY_MS = 100

export interface JobRunOptions {
  readonly params: Readonly<Record<string, string>>
  /** On top of a checkpoint every 10 s and of no restarts. */
  readonly configuration?: Readonly<Record<string, string>>
  /** Cancels the job after so long and watches its channels meanwhile. Default: runs to its end. */
  readonly secondsMax?: number
  /** Called when all tasks are there and records begin to flow. */
  readonly onRunning?: () => void
}

export interface JobRun {
  readonly digest: RowDigest
  /** Largest sum of bytes that waited in the channels, where they were watched. */
  readonly queuedBytesMax: number | undefined
  /** How many were completed, the final one among them. */
  readonly checkpoints: number
  /** What sinks delivered, by channel. */
  readonly collected: JobOutcome['collected']
  /** The sum of a counter over all tasks; 0 when there is none of this name. */
  counted(counter: string): number
}

/** `file` is a job's file, relative to this folder. Throws when the job does not end as it should. */
export async function runBenchmarkJob(file: string, options: JobRunOptions): Promise<JobRun> {
  const { bundlePath } = await bundleJob(fileURLToPath(new URL(file, import.meta.url)))
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  let checkpoints = 0
  try {
    const job = runJob({
      bundlePath,
      params: options.params,
      configuration: {
        'execution.checkpointing.dir': folder,
        'execution.checkpointing.interval': '10 s',
        'execution.checkpointing.mode': 'EXACTLY_ONCE',
        // An error is to be seen, not tried again.
        'restart-strategy.type': 'none',
        ...options.configuration,
      },
      restore: { kind: 'none' },
      observer: {
        onState: (state) => {
          if (state === 'RUNNING') options.onRunning?.()
        },
        onCheckpoint: ({ outcome }) => {
          if (outcome === 'completed') checkpoints++
        },
      },
    })
    let queuedBytesMax: number | undefined
    if (options.secondsMax !== undefined) {
      const watch = setInterval(() => {
        queuedBytesMax = Math.max(queuedBytesMax ?? 0, queuedBytesOf(job.reading()))
      }, WATCH_EVERY_MS)
      setTimeout(() => {
        clearInterval(watch)
        job.cancel()
      }, options.secondsMax * 1_000)
    }
    const outcome = await job.outcome
    if (outcome.state !== (options.secondsMax === undefined ? 'FINISHED' : 'CANCELED')) {
      throw new Error(`${file} ended ${outcome.state}: ${outcome.error?.code} ${outcome.error?.message}`)
    }
    return {
      digest: digestOf(outcome),
      queuedBytesMax,
      checkpoints,
      collected: outcome.collected,
      counted: (counter) => counted(outcome, counter),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function queuedBytesOf(reading: JobReading | undefined): number {
  return (reading?.tasks ?? []).reduce((bytes, { metrics }) => bytes + (metrics?.inputQueuedBytes ?? 0), 0)
}

function digestOf(outcome: JobOutcome): RowDigest {
  const digest = new RowDigest()
  digest.addAll({
    rows: counted(outcome, DIGEST_ROWS),
    sumA: counted(outcome, DIGEST_SUM_A),
    sumB: counted(outcome, DIGEST_SUM_B),
  })
  return digest
}

function counted({ reading }: JobOutcome, counter: string): number {
  let total = 0
  for (const { metrics } of reading?.tasks ?? []) {
    for (const [name, value] of Object.entries(metrics?.userCounters ?? {})) {
      if (name.endsWith(`.${counter}`)) total += value
    }
  }
  return total
}
