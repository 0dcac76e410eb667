/** The engine of this process behind the port of `run`. Translates words; decides nothing. */
import { toErrorData } from '@millrace/api'
import type { CheckpointRecord } from '@millrace/core'
import { type RestServer, type RestSettings, startRestServer } from '@millrace/rest'
import {
  type CheckpointReport,
  type RunningJob as EngineJob,
  type JobReading as EngineReading,
  runJob,
} from '@millrace/runtime'
import type {
  CheckpointReading,
  DetailedCheckpoint,
  JobReading,
  JobRunner,
  RunEvent,
  RunningJob,
  RunRequest,
  SubtaskCheckpoint,
  TaskFigures,
} from './job-runner-port.ts'

export const embeddedJobRunner: JobRunner = { start: startEmbeddedJob }

/** What only the engine of this process can do. */
export interface EmbeddedJob extends RunningJob {
  /** Ends a slot as a crash would: for demonstrations and tests. */
  killSlot(index: number): Promise<void>
}

export function startEmbeddedJob(request: RunRequest, onEvent: (event: RunEvent) => void): EmbeddedJob {
  const startedAtMs = Date.now()
  const { bundlePath, params, configuration, restore, stopAfter, rest } = request
  const job: EngineJob = runJob({
    bundlePath,
    params,
    configuration,
    restore,
    stopAfter,
    observer: {
      onState: (state, atMs) => onEvent({ kind: 'state', atMs, state }),
      onMessage: (level, text) => onEvent({ kind: 'message', atMs: Date.now(), level, text }),
      onPrinted: (line) => onEvent({ kind: 'printed', line }),
      onFailure({ atMs, error, task, restartInMs }) {
        const place = task === undefined ? undefined : { vertex: task.vertexId, subtask: task.subtask }
        onEvent({ kind: 'failure', atMs, error, task: place, restartInMs })
      },
      onCheckpoint(report) {
        const record = job.reading()?.statistics.history.find(({ id }) => id === report.id)
        const atMs = Date.now()
        onEvent({ kind: 'checkpoint', atMs, checkpoint: reportedCheckpoint(report, record, atMs) })
      },
    },
  })
  const read = (reading: EngineReading | undefined) =>
    reading === undefined ? readingBefore(startedAtMs, Date.now()) : translateReading(reading)
  // A start that is refused opens no port.
  const serving = job.accepted.then((isAccepted) =>
    isAccepted && rest !== undefined ? serve(job, rest, onEvent) : undefined,
  )
  return {
    result: job.outcome.then(async ({ state, isStuck, error, savepoint, reading }) => {
      // Who waits for a savepoint that the job stopped with is still to be told.
      await (await serving)?.close(isStuck ? 'atOnce' : 'told')
      const final = read(reading)
      return {
        state,
        isRefused: state === 'FAILED' && !(await job.accepted),
        isStuck,
        error,
        savepoint,
        final: { ...final, state },
        lastCheckpoint: detailedCheckpoint(reading),
      }
    }),
    reading: () => read(job.reading()),
    stop: () => job.stop('SUSPENDED'),
    abort: () => job.cancel('SUSPENDED'),
    killSlot: (index) => job.killSlot(index),
  }
}

/** The job runs without its server where that cannot listen. */
async function serve(
  job: EngineJob,
  settings: RestSettings,
  onEvent: (event: RunEvent) => void,
): Promise<RestServer | undefined> {
  try {
    const server = await startRestServer(job, settings)
    onEvent({ kind: 'rest', atMs: Date.now(), url: server.url, takenPort: server.takenPort })
    return server
  } catch (error) {
    const { message, hint } = toErrorData(error)
    const text = `${message}. The job runs without it.${hint === undefined ? '' : ` ${hint}`}`
    onEvent({ kind: 'message', atMs: Date.now(), level: 'warning', text })
    return undefined
  }
}

/** While the job is loaded and its checkpoint folder is looked at. */
function readingBefore(startedAtMs: number, nowMs: number): JobReading {
  return {
    atMs: nowMs,
    startedAtMs,
    state: 'INITIALIZING',
    attempt: 0,
    tasks: [],
    checkpointsCompleted: 0,
    checkpointsFailed: 0,
    lastCheckpoint: undefined,
    lastRecovery: undefined,
  }
}

function translateReading(reading: EngineReading): JobReading {
  const { counts } = reading.statistics
  const last = lastEnded(reading)
  return {
    atMs: reading.atMs,
    startedAtMs: reading.startedAtMs,
    state: reading.state,
    attempt: reading.attempt,
    tasks: reading.tasks.flatMap(({ id, isEnded, metrics }) =>
      metrics === undefined
        ? []
        : [{ vertex: id.vertexId, subtask: id.subtask, isFinished: isEnded, metrics: metrics satisfies TaskFigures }],
    ),
    checkpointsCompleted: counts.completed,
    checkpointsFailed: counts.failed,
    lastCheckpoint: last === undefined ? undefined : recordedCheckpoint(last),
    lastRecovery: reading.recoveries.at(-1),
  }
}

function lastEnded({ statistics }: EngineReading): CheckpointRecord | undefined {
  return statistics.history.find(({ status }) => status !== 'IN_PROGRESS')
}

function detailedCheckpoint(reading: EngineReading | undefined): DetailedCheckpoint | undefined {
  const last = reading === undefined ? undefined : lastEnded(reading)
  if (last === undefined) return undefined
  return {
    ...recordedCheckpoint(last),
    triggeredAtMs: last.triggeredAtMs,
    subtasks: last.vertices.flatMap(({ vertexId, subtasks }) =>
      subtasks.flatMap((record): SubtaskCheckpoint[] =>
        record === undefined ? [] : [{ vertex: vertexId, ...record }],
      ),
    ),
  }
}

function recordedCheckpoint(record: CheckpointRecord): CheckpointReading {
  const durationMs = record.endToEndDurationMs ?? 0
  return {
    id: record.id,
    kind: kindOf(record),
    outcome: record.status === 'COMPLETED' ? 'completed' : 'failed',
    endedAtMs: record.triggeredAtMs + durationMs,
    durationMs,
    bytes: record.checkpointedBytes,
    reason: record.failure?.message,
  }
}

/** The record may follow the report, so what it would add can be missing. */
function reportedCheckpoint(
  { id, outcome, reason }: CheckpointReport,
  record: CheckpointRecord | undefined,
  atMs: number,
): CheckpointReading {
  if (record !== undefined) return { ...recordedCheckpoint(record), outcome, reason: reason ?? record.failure?.message }
  return { id, kind: 'checkpoint', outcome, endedAtMs: atMs, durationMs: 0, bytes: 0, reason }
}

function kindOf({ kind }: CheckpointRecord): CheckpointReading['kind'] {
  return kind === 'savepoint' ? 'savepoint' : 'checkpoint'
}
