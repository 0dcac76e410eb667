/** The shapes that a test cannot have at will of a running job: a checkpoint in progress, one that failed half way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CheckpointRecord, parseConfig, type SubtaskRecord } from '@millrace/core'
import {
  checkpointConfigJson,
  checkpointDetailJson,
  checkpointVertexJson,
  pathText,
} from '../../src/view/checkpoint-view.ts'
import { captures, capturesMissing, differences, shapeOf } from '../golden-shape.ts'

const ID = 'ab'.repeat(16)

const acknowledged: SubtaskRecord = {
  subtask: 0,
  acknowledgedAtMs: 1_040,
  endToEndDurationMs: 40,
  syncDurationMs: 0.6,
  asyncDurationMs: 7.2,
  alignmentDurationMs: 3.5,
  startDelayMs: 12.1,
  processedBytes: 10,
  persistedBytes: 0,
  checkpointedBytes: 100,
  stateBytes: 300,
}

const inProgress: CheckpointRecord = {
  id: 7,
  status: 'IN_PROGRESS',
  kind: 'checkpoint',
  isFinal: false,
  triggeredAtMs: 1_000,
  latestAckAtMs: 1_040,
  endToEndDurationMs: undefined,
  checkpointedBytes: 100,
  stateBytes: 300,
  processedBytes: 10,
  persistedBytes: 0,
  subtaskCount: 2,
  acknowledgedSubtaskCount: 1,
  externalPath: undefined,
  discarded: false,
  failure: undefined,
  vertices: [{ vertexId: ID, subtasks: [acknowledged, undefined] }],
}

const failed: CheckpointRecord = {
  ...inProgress,
  status: 'FAILED',
  endToEndDurationMs: 90,
  failure: { code: 'CHECKPOINT_DECLINED', message: 'disk full', atMs: 1_090 },
}

test('a checkpoint in progress and one that failed are in the shapes of Flink', { skip: capturesMissing }, () => {
  const details = captures('get.jobs.jobid.checkpoints.details.checkpointid')
    .filter(({ status }) => status === 200)
    .map(({ body }) => body)
  // Of those in progress there is none among the details, but several in the lists.
  const listed = captures('get.jobs.jobid.checkpoints', /^(canceled|backpressured)/).flatMap(({ body }) => body.history)
  const shape = shapeOf([...details, ...listed])
  for (const record of [inProgress, failed]) assert.deepEqual(differences(checkpointDetailJson(record), shape), [])
})

test('only what has ended has an end', () => {
  const progress: object = checkpointDetailJson(inProgress)
  for (const key of ['external_path', 'discarded', 'failure_timestamp']) assert.ok(!(key in progress), key)
  assert.partialDeepStrictEqual(progress, { className: 'in_progress', end_to_end_duration: 40 })
  assert.partialDeepStrictEqual(checkpointDetailJson(failed), {
    className: 'failed',
    end_to_end_duration: 90,
    failure_timestamp: 1_090,
    failure_message: 'disk full',
    tasks: {
      [ID]: { id: 7, status: 'FAILED', num_subtasks: 2, num_acknowledged_subtasks: 1, end_to_end_duration: 40 },
    },
  })
})

test('a subtask that has not acknowledged is told as such and counts nowhere', () => {
  const json = checkpointVertexJson(failed, { vertexId: ID, subtasks: [acknowledged, undefined] })
  assert.partialDeepStrictEqual(json, {
    checkpointed_size: 100,
    summary: {
      checkpointed_size: { min: 100, max: 100, avg: 100, p50: 'NaN' },
      checkpoint_duration: { sync: { max: 1 }, async: { max: 7 } },
      start_delay: { max: 12 },
    },
    subtasks: [
      { className: 'completed', index: 0, checkpoint: { sync: 1, async: 7 } },
      { className: 'pending_or_failed', index: 1, status: 'pending_or_failed' },
    ],
  })
})

test('barriers that overtook records make a checkpoint an unaligned one', () => {
  const overtaken = { ...acknowledged, isUnaligned: true, persistedBytes: 5 }
  const vertex = { vertexId: ID, subtasks: [overtaken, acknowledged] }
  const record = { ...inProgress, vertices: [vertex] }
  assert.partialDeepStrictEqual(checkpointDetailJson(record), { checkpoint_type: 'UNALIGNED_CHECKPOINT' })
  assert.partialDeepStrictEqual(checkpointDetailJson(inProgress), { checkpoint_type: 'CHECKPOINT' })
  assert.partialDeepStrictEqual(checkpointVertexJson(record, vertex), {
    subtasks: [{ unaligned_checkpoint: true }, { unaligned_checkpoint: false }],
  })
})

test('the configuration of checkpoints is that of the job', () => {
  const json = (pairs: Record<string, string>) => checkpointConfigJson(parseConfig([{ source: 'test', pairs }]))
  assert.partialDeepStrictEqual(json({}), {
    interval: 10_000,
    state_backend: 'HashMapStateBackend',
    unaligned_checkpoints: false,
    externalization: { enabled: true, delete_on_cancellation: false },
  })
  assert.partialDeepStrictEqual(json({ 'state.backend.type': 'rocksdb' }), {
    state_backend: 'EmbeddedRocksDBStateBackend',
  })
  assert.partialDeepStrictEqual(
    json({
      'state.backend.type': 'segments',
      'execution.checkpointing.unaligned.enabled': 'true',
      'execution.checkpointing.aligned-checkpoint-timeout': '3 s',
      'execution.checkpointing.externalized-checkpoint-retention': 'DELETE_ON_CANCELLATION',
    }),
    {
      state_backend: 'SegmentsStateBackend',
      unaligned_checkpoints: true,
      aligned_checkpoint_timeout: 3_000,
      externalization: { enabled: true, delete_on_cancellation: true },
    },
  )
})

test('paths are whole, and URIs stay what they are', () => {
  assert.equal(pathText('/a/b'), '/a/b')
  assert.equal(pathText('a/b'), `${process.cwd()}/a/b`)
  assert.equal(pathText('s3://bucket/a'), 's3://bucket/a')
})
