/** A job that is asked for checkpoints and savepoints while it runs, and what they hold. */
import assert from 'node:assert/strict'
import { collect, defineJob, type FileSystem, generator, type JobDefinition, MillraceError } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage, openSnapshot } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import type { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import { type InlineJobOptions, runInline } from './inline-job.ts'

export const ON_REQUEST_ONLY = { 'execution.checkpointing.interval': '1 h', 'state.storage.fs.memory-threshold': '1 b' }
export const KEYS = 10

/** Running totals by key: the largest of a key says how many of its records went into state. */
export function totals(records: number, perSecond = 2_000): JobDefinition {
  return defineJob({
    name: 'totals',
    build: (env) => {
      env
        .from(generator({ records, perSecond, generate: (index) => ({ key: index % KEYS, n: 1 }) }), { uid: 'in' })
        .keyBy('key')
        .reduce((a, b) => ({ key: a.key, n: a.n + b.n }), { uid: 'total' })
        .to(collect('out'), { uid: 'out' })
    },
  }) as JobDefinition
}

/** Runs a job that does not end by itself; `act` is called when its tasks run, and the job is cancelled after it. */
export async function whileRunning(
  act: (coordinator: JobCoordinator) => Promise<void>,
  options: InlineJobOptions = {},
  job = totals(1_000_000),
) {
  let acting: Promise<void> | undefined
  const run = await runInline(job, {
    ...options,
    configuration: { ...ON_REQUEST_ONLY, ...options.configuration },
    onState: (state, coordinator) => {
      if (state !== 'RUNNING' || acting !== undefined) return
      acting = act(coordinator).finally(() => coordinator.cancel())
    },
  })
  await acting
  return run
}

/** Until the sources have read so many records. */
export async function untilRead(job: JobCoordinator, records: number): Promise<void> {
  const read = (): number =>
    job.reading().tasks.reduce((most, { metrics }) => Math.max(most, metrics?.numRecordsIn ?? 0), 0)
  while (read() < records) await new Promise((resolve) => setImmediate(resolve))
}

/** Awaits what must reject with a code, and gives the error. */
export async function refusal(promise: Promise<unknown>, code: string): Promise<MillraceError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof MillraceError, String(error))
    assert.equal(error.code, code, error.message)
    return error
  }
  throw new Error('it was not refused')
}

export async function manifestAt(files: FileSystem, path: string): Promise<CheckpointManifest> {
  return (await openSnapshot(files, path)).manifest
}

export function segmentsOf({ operators }: CheckpointManifest) {
  return operators.flatMap(({ keyGroups }) => keyGroups.flatMap(({ segments }) => segments))
}

/** Every segment that a checkpoint or savepoint names is whole. */
export async function checkSegments(files: FileSystem, path: string): Promise<void> {
  const { manifest, folder } = await openSnapshot(files, path)
  const storage = new FileCheckpointStorage(files, folder)
  for (const segment of segmentsOf(manifest)) await storage.readSegment(segment)
}

/** A disk that is full where `isFull` says so. */
export function fullDisk(isFull: (path: string) => boolean): FileSystem {
  const disk = new SimulatedDisk({
    random: Math.random,
    fault: ({ kind, path }) => (kind === 'write' && isFull(path) ? 'no-space' : undefined),
  })
  return disk.mount()
}
