/**
 * Checkpoints in Flink's shapes: `/jobs/:jobid/checkpoints`, its `config`, `details/:n` and `details/:n/subtasks/:v`. Pure.
 */
import { isAbsolute, resolve } from 'node:path'
import type { CheckpointRecord, RestoredRecord, SubtaskRecord, TypedConfig, VertexRecord } from '@millrace/core'
import type { JobLook } from '../served-job.ts'
import { NO_STATS, statsJson, subtaskStatsJson } from './number-summary.ts'

export function checkpointsJson({ reading }: JobLook): object {
  const { counts, summary, latest, history } = reading.statistics
  return {
    counts: {
      restored: counts.restored,
      total: counts.total,
      in_progress: counts.inProgress,
      completed: counts.completed,
      failed: counts.failed,
    },
    summary: {
      checkpointed_size: statsJson(summary.checkpointedBytes),
      state_size: statsJson(summary.stateBytes),
      end_to_end_duration: statsJson(summary.endToEndDurationMs),
      alignment_buffered: NO_STATS,
      processed_data: statsJson(summary.processedBytes),
      persisted_data: statsJson(summary.persistedBytes),
    },
    latest: {
      completed: latest.completed === undefined ? null : checkpointJson(latest.completed, {}),
      savepoint: latest.savepoint === undefined ? null : checkpointJson(latest.savepoint, {}),
      failed: latest.failed === undefined ? null : checkpointJson(latest.failed, {}),
      restored: latest.restored === undefined ? null : restoredJson(latest.restored),
    },
    history: history.map((record) => checkpointJson(record, {})),
  }
}

/** Flink names the class; `segments` is a store that it does not have. */
const STATE_BACKENDS = {
  hashmap: 'HashMapStateBackend',
  rocksdb: 'EmbeddedRocksDBStateBackend',
  segments: 'SegmentsStateBackend',
} as const

export function checkpointConfigJson(config: TypedConfig): object {
  const retention = config.get('execution.checkpointing.externalized-checkpoint-retention')
  return {
    mode: config.get('execution.checkpointing.mode') === 'AT_LEAST_ONCE' ? 'at_least_once' : 'exactly_once',
    interval: config.get('execution.checkpointing.interval'),
    timeout: config.get('execution.checkpointing.timeout'),
    min_pause: config.get('execution.checkpointing.min-pause'),
    max_concurrent: config.get('execution.checkpointing.max-concurrent-checkpoints'),
    externalization: {
      enabled: retention !== 'NO_EXTERNALIZED_CHECKPOINTS',
      delete_on_cancellation: retention !== 'RETAIN_ON_CANCELLATION',
    },
    state_backend: STATE_BACKENDS[config.get('state.backend.type')],
    checkpoint_storage: 'FileSystemCheckpointStorage',
    unaligned_checkpoints: config.get('execution.checkpointing.unaligned.enabled'),
    tolerable_failed_checkpoints: config.get('execution.checkpointing.tolerable-failed-checkpoints'),
    aligned_checkpoint_timeout: config.get('execution.checkpointing.aligned-checkpoint-timeout'),
    checkpoints_after_tasks_finish: true,
    state_changelog_enabled: false,
    changelog_periodic_materialization_interval: 0,
    changelog_storage: 'memory',
  }
}

/** The checkpoint in the history, or the latest of its kind, which may be older. */
export function findCheckpoint({ reading }: JobLook, id: number): CheckpointRecord | undefined {
  const { history, latest } = reading.statistics
  return [...history, latest.completed, latest.savepoint, latest.failed].find((record) => record?.id === id)
}

/** `/checkpoints/details/:n` */
export function checkpointDetailJson(record: CheckpointRecord): object {
  return checkpointJson(
    record,
    Object.fromEntries(record.vertices.map((vertex) => [vertex.vertexId, vertexJson(record, vertex)])),
  )
}

/** `/checkpoints/details/:n/subtasks/:v` */
export function checkpointVertexJson(record: CheckpointRecord, vertex: VertexRecord): object {
  const known = vertex.subtasks.filter((subtask) => subtask !== undefined)
  const stats = (value: (subtask: SubtaskRecord) => number) => subtaskStatsJson(known.map(value))
  return {
    ...vertexJson(record, vertex),
    summary: {
      checkpointed_size: stats(({ checkpointedBytes }) => checkpointedBytes),
      state_size: stats(({ stateBytes }) => stateBytes),
      end_to_end_duration: stats(({ endToEndDurationMs }) => endToEndDurationMs),
      checkpoint_duration: {
        sync: stats(({ syncDurationMs }) => Math.round(syncDurationMs)),
        async: stats(({ asyncDurationMs }) => Math.round(asyncDurationMs)),
      },
      alignment: {
        buffered: NO_STATS,
        processed: stats(({ processedBytes }) => processedBytes),
        persisted: stats(({ persistedBytes }) => persistedBytes),
        duration: stats(({ alignmentDurationMs }) => Math.round(alignmentDurationMs)),
      },
      start_delay: stats(({ startDelayMs }) => Math.round(startDelayMs)),
    },
    subtasks: vertex.subtasks.map((subtask, index) => subtaskJson(subtask, index)),
  }
}

const CLASS_NAMES = { IN_PROGRESS: 'in_progress', COMPLETED: 'completed', FAILED: 'failed' } as const

function checkpointJson(record: CheckpointRecord, tasks: object): object {
  const isSavepoint = record.kind === 'savepoint'
  return {
    className: CLASS_NAMES[record.status],
    id: record.id,
    status: record.status,
    is_savepoint: isSavepoint,
    savepointFormat: isSavepoint ? 'CANONICAL' : null,
    trigger_timestamp: record.triggeredAtMs,
    latest_ack_timestamp: record.latestAckAtMs ?? -1,
    ...sizesJson(record),
    num_subtasks: record.subtaskCount,
    num_acknowledged_subtasks: record.acknowledgedSubtaskCount,
    checkpoint_type: isSavepoint ? 'SAVEPOINT' : hasOvertaken(record) ? 'UNALIGNED_CHECKPOINT' : 'CHECKPOINT',
    tasks,
    ...endJson(record),
  }
}

/** Whether a barrier overtook records in one of its subtasks. */
function hasOvertaken({ vertices }: CheckpointRecord): boolean {
  return vertices.some(({ subtasks }) => subtasks.some((subtask) => subtask?.isUnaligned === true))
}

/** What only a checkpoint that has ended has. */
function endJson({ status, externalPath, discarded, failure, triggeredAtMs, endToEndDurationMs }: CheckpointRecord) {
  if (status === 'COMPLETED') return { external_path: pathText(externalPath), discarded }
  if (status === 'IN_PROGRESS') return {}
  return {
    failure_timestamp: failure?.atMs ?? triggeredAtMs + (endToEndDurationMs ?? 0),
    failure_message: failure?.message ?? null,
  }
}

interface Sized {
  readonly checkpointedBytes: number
  readonly stateBytes: number
  readonly endToEndDurationMs: number | undefined
  readonly triggeredAtMs: number
  readonly latestAckAtMs: number | undefined
  readonly processedBytes: number
  readonly persistedBytes: number
}

function sizesJson(sized: Sized) {
  const sinceTrigger = sized.latestAckAtMs === undefined ? -1 : sized.latestAckAtMs - sized.triggeredAtMs
  return {
    checkpointed_size: sized.checkpointedBytes,
    state_size: sized.stateBytes,
    end_to_end_duration: sized.endToEndDurationMs ?? sinceTrigger,
    alignment_buffered: 0,
    processed_data: sized.processedBytes,
    persisted_data: sized.persistedBytes,
  }
}

function vertexJson(record: CheckpointRecord, { subtasks }: VertexRecord) {
  const known = subtasks.filter((subtask) => subtask !== undefined)
  const sum = (value: (subtask: SubtaskRecord) => number): number =>
    known.reduce((total, subtask) => total + value(subtask), 0)
  const latestAckAtMs =
    known.length === 0 ? undefined : Math.max(...known.map(({ acknowledgedAtMs }) => acknowledgedAtMs))
  return {
    id: record.id,
    status: record.status,
    latest_ack_timestamp: latestAckAtMs ?? -1,
    ...sizesJson({
      checkpointedBytes: sum(({ checkpointedBytes }) => checkpointedBytes),
      stateBytes: sum(({ stateBytes }) => stateBytes),
      processedBytes: sum(({ processedBytes }) => processedBytes),
      persistedBytes: sum(({ persistedBytes }) => persistedBytes),
      endToEndDurationMs: undefined,
      triggeredAtMs: record.triggeredAtMs,
      latestAckAtMs,
    }),
    num_subtasks: subtasks.length,
    num_acknowledged_subtasks: known.length,
  }
}

function subtaskJson(record: SubtaskRecord | undefined, index: number): object {
  if (record === undefined) return { className: 'pending_or_failed', index, status: 'pending_or_failed' }
  return {
    className: 'completed',
    index,
    ack_timestamp: record.acknowledgedAtMs,
    end_to_end_duration: record.endToEndDurationMs,
    checkpointed_size: record.checkpointedBytes,
    state_size: record.stateBytes,
    checkpoint: { sync: Math.round(record.syncDurationMs), async: Math.round(record.asyncDurationMs) },
    alignment: {
      buffered: 0,
      processed: record.processedBytes,
      persisted: record.persistedBytes,
      duration: Math.round(record.alignmentDurationMs),
    },
    start_delay: Math.round(record.startDelayMs),
    unaligned_checkpoint: record.isUnaligned === true,
    aborted: false,
    status: 'completed',
  }
}

function restoredJson({ id, restoredAtMs, isSavepoint, externalPath }: RestoredRecord): object {
  return { id, restore_timestamp: restoredAtMs, is_savepoint: isSavepoint, external_path: pathText(externalPath) }
}

/** Whole, so that it means the same in another folder. Flink writes a URI; here it is the path that `-s` takes. */
export function pathText(path: string | undefined): string {
  if (path === undefined) return ''
  return isAbsolute(path) || /^[a-z][a-z0-9+.-]*:/i.test(path) ? path : resolve(path)
}
