/**
 * What a checkpoint takes under back pressure, with aligned barriers and with ones that overtake: a sink that takes one record at a time
 * behind two exchanges whose channels are full. Times are from the trigger to the last acknowledgement.
 */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bundleJob, type RunningJob, runJob } from '@millrace/runtime'
import { median } from '../statistics.ts'
import type { UnalignedCost } from './state-cost.ts'

const CHECKPOINTS = 7
const RECORD_MS = 1
/** Small channels, so that what an aligned barrier waits for takes about a second. */
const CHANNEL = '64 kb'
const POLL_MS = 20
/** Channels that take nothing more for so many looks are full. */
const STILL_LOOKS = 10

type Figures = Pick<UnalignedCost, 'checkpoints' | 'alignedMs' | 'unalignedMs' | 'inFlightBytes' | 'parallelism'>

export async function unalignedCost(folder: string, parallelism: number): Promise<Figures> {
  const { bundlePath } = await bundleJob(fileURLToPath(new URL('../jobs/slow-sink.ts', import.meta.url)))
  const measure = async (isUnaligned: boolean): Promise<{ readonly ms: number; readonly bytes: number }> => {
    const job = runJob({
      bundlePath,
      params: { recordMs: `${RECORD_MS}` },
      configuration: {
        'execution.checkpointing.dir': join(folder, isUnaligned ? 'unaligned' : 'aligned'),
        'execution.checkpointing.interval': '1 h',
        'execution.checkpointing.unaligned.enabled': `${isUnaligned}`,
        'parallelism.default': `${parallelism}`,
        'taskmanager.memory.max-segment-size': CHANNEL,
        'millrace.channel.local-size': CHANNEL,
        'restart-strategy.type': 'none',
      },
      restore: { kind: 'none' },
    })
    try {
      const times: number[] = []
      const bytes: number[] = []
      for (let taken = 0; taken < CHECKPOINTS; taken++) {
        await untilFull(job)
        await job.takeCheckpoint({ type: 'configured' })
        const completed = job.reading()?.statistics.latest.completed
        times.push(completed?.endToEndDurationMs ?? Number.NaN)
        bytes.push(completed?.persistedBytes ?? Number.NaN)
      }
      return { ms: median(times), bytes: median(bytes) }
    } finally {
      job.cancel()
      await job.outcome
    }
  }
  const aligned = await measure(false)
  const unaligned = await measure(true)
  return {
    checkpoints: CHECKPOINTS,
    parallelism,
    alignedMs: aligned.ms,
    unalignedMs: unaligned.ms,
    inFlightBytes: unaligned.bytes,
  }
}

/** Until the source stands still. */
async function untilFull(job: RunningJob): Promise<void> {
  let last = -1
  for (let still = 0; still < STILL_LOOKS; ) {
    await setTimeout(POLL_MS)
    const { tasks = [], state } = job.reading() ?? {}
    if (state === 'FAILED') throw new Error('The job has failed')
    const [source] = tasks
    const queued = tasks
      .filter(({ id }) => id.vertexId === source?.id.vertexId)
      .reduce((sum, { metrics }) => sum + (metrics?.outputQueuedBytes ?? 0), 0)
    // Full channels only change by what the sink takes.
    still = queued > 0 && Math.abs(queued - last) <= queued / 20 ? still + 1 : 0
    last = queued
  }
}
