/**
 * The engine's side: `run-job.ts <job> [key=value ...]`. Configuration keys have a dot in them and go to the engine, `seconds`
 * stops the job after so long and watches its channels meanwhile, everything else is a parameter of the job.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { bundleJob, type JobOutcome, type JobReading, runJob } from '@millrace/runtime'
import { DIGEST_RECORDS, DIGEST_SUM } from './jobs/digest-sink.ts'
import { printMeasured } from './measured-process.ts'

const WATCH_EVERY_MS = 100

const [name, ...rest] = process.argv.slice(2)
const pairs = rest.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const)
const seconds = Number(pairs.find(([key]) => key === 'seconds')?.[1] ?? Number.NaN)
const { bundlePath } = await bundleJob(fileURLToPath(new URL(`./jobs/${name}.ts`, import.meta.url)))
const checkpoints = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
try {
  const job = runJob({
    bundlePath,
    params: Object.fromEntries(pairs.filter(([key]) => !key.includes('.'))),
    configuration: {
      'execution.checkpointing.dir': checkpoints,
      // An error is to be seen, not tried again.
      'restart-strategy.type': 'none',
      ...Object.fromEntries(pairs.filter(([key]) => key.includes('.'))),
    },
    restore: { kind: 'none' },
  })
  let queuedBytesMax: number | undefined
  if (!Number.isNaN(seconds)) {
    const watch = setInterval(() => {
      queuedBytesMax = Math.max(queuedBytesMax ?? 0, queuedBytesOf(job.reading()))
    }, WATCH_EVERY_MS)
    setTimeout(() => {
      clearInterval(watch)
      job.cancel()
    }, seconds * 1_000)
  }
  const outcome = await job.outcome
  if (outcome.state !== (Number.isNaN(seconds) ? 'FINISHED' : 'CANCELED')) {
    throw new Error(`The job ended ${outcome.state}: ${outcome.error?.message}`)
  }
  printMeasured({ records: counted(outcome, DIGEST_RECORDS), sum: counted(outcome, DIGEST_SUM) }, queuedBytesMax)
} finally {
  await rm(checkpoints, { recursive: true, force: true })
}

function queuedBytesOf(reading: JobReading | undefined): number {
  return (reading?.tasks ?? []).reduce((bytes, { metrics }) => bytes + (metrics?.inputQueuedBytes ?? 0), 0)
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
