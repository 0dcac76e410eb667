/**
 * Runs one of the jobs beside this file in this process and keeps the largest readings of its channels. For tests in
 * which the process itself may be at risk, see `memory-process.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlainValue } from '@millrace/api'
import { bundleJob, type JobOutcome, type RunningJob, runJob } from '@millrace/runtime'

export interface MemoryRun {
  readonly job: 'slow-sink' | 'outburst' | 'growing-state' | 'large-state'
  readonly params: Readonly<Record<string, PlainValue>>
  readonly configuration: Readonly<Record<string, string>>
  /** Called while the job runs, again and again. */
  readonly watch?: (job: RunningJob) => void
  readonly onMessage?: (level: 'info' | 'warning', text: string) => void
}

const WATCH_EVERY_MS = 10

export async function runMemoryJob({ job, params, configuration, watch, onMessage }: MemoryRun): Promise<JobOutcome> {
  const { bundlePath } = await bundleJob(fileURLToPath(new URL(`${job}.job.ts`, import.meta.url)))
  const folder = await mkdtemp(join(tmpdir(), 'millrace-memory-'))
  let watching: NodeJS.Timeout | undefined
  try {
    const running = runJob({
      bundlePath,
      params,
      configuration: {
        'execution.checkpointing.dir': folder,
        'restart-strategy.type': 'none',
        ...configuration,
      },
      restore: { kind: 'none' },
      observer: onMessage === undefined ? {} : { onMessage },
    })
    if (watch !== undefined) watching = setInterval(() => watch(running), WATCH_EVERY_MS)
    return await running.outcome
  } finally {
    clearInterval(watching)
    await rm(folder, { recursive: true, force: true })
  }
}
