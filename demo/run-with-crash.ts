/**
 * Runs the demonstration's job as `millrace run` would, with its live view, and ends one of its slots half way as a
 * crash would. The crash waits for a first checkpoint, since the point is what comes after it.
 */
import { type CliEnvironment, createRunView, prepareJob, type RunResult, startEmbeddedJob } from '@millrace/cli'

export interface CrashRunOptions {
  readonly jobFile: string
  readonly params: Readonly<Record<string, string | number>>
  readonly parallelism: number
  readonly configuration: Readonly<Record<string, string>>
  readonly killedSlot: number
  /** Stops the job with a last checkpoint. */
  readonly signal: AbortSignal
}

export interface CrashRunResult extends RunResult {
  /** Share of the input that was read when the slot was ended; `undefined`: the job ended before. */
  readonly killedAtRatio: number | undefined
}

const CRASH_RATIO = 0.5
/** How often it is looked whether half of the input is read. */
const WATCH_INTERVAL_MS = 20

/** Throws what is wrong before the job starts; from then on it is in the result. */
export async function runWithCrash(options: CrashRunOptions, environment: CliEnvironment): Promise<CrashRunResult> {
  const { jobFile, parallelism, configuration, killedSlot, signal } = options
  const params = Object.entries(options.params).map(([name, value]) => `--${name}=${value}`)
  const prepared = await prepareJob({ jobFile, params, parallelism, configuration })
  signal.throwIfAborted()
  const view = createRunView(prepared.plan, false, environment)
  const request = { ...prepared, restore: { kind: 'none' }, stopAfter: undefined } as const
  const job = startEmbeddedJob(request, (event) => view.onEvent(event))
  const sources = new Set(prepared.plan.vertices.filter(({ isSource }) => isSource).map(({ id }) => id))

  let killedAtRatio: number | undefined
  const stopWatching = environment.every(WATCH_INTERVAL_MS, () => {
    const { state, checkpointsCompleted, tasks } = job.reading()
    if (killedAtRatio !== undefined || state !== 'RUNNING' || checkpointsCompleted === 0) return
    const read = tasks.filter(({ vertex }) => sources.has(vertex))
    const total = read.reduce((sum, { metrics }) => sum + (metrics.sourceProgressTotal || 0), 0)
    const ratio = read.reduce((sum, { metrics }) => sum + metrics.sourceProgressAmount, 0) / total
    if (!(ratio >= CRASH_RATIO && ratio < 1)) return
    killedAtRatio = ratio
    view.note(`>>> ${Math.floor(ratio * 100)} % of the input is read: slot ${killedSlot} is killed now, on purpose.`)
    void job.killSlot(killedSlot)
  })
  const stopReading = environment.every(view.intervalMs, () => view.onReading(job.reading()))
  const onAbort = () => {
    view.note('Stopping.')
    job.stop()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const result = await job.result
    view.finish(result)
    return { ...result, killedAtRatio }
  } finally {
    stopWatching()
    stopReading()
    signal.removeEventListener('abort', onAbort)
  }
}
