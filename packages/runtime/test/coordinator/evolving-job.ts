/** Runs jobs that store state and go on from it with another version of themselves, on this thread. */
import type { Env, FileSystem, JobDefinition, Source, SourceBatch } from '@millrace/api'
import { defineJob } from '@millrace/api'
import { type InlineJob, runInline } from './inline-job.ts'

/**
 * Gives `rows` from where it stood, then ends, or waits without an end. `onGiven` is called when all are given.
 */
export function rowsSource<T>(rows: readonly T[], ends: boolean): Source<T, number> {
  return {
    kind: 'rows',
    options: {},
    boundedness: ends ? 'bounded' : 'unbounded',
    replayable: true,
    enumerate: async () => [{ id: 'rows', payload: null }],
    open: async (_split, position, context) => {
      let at = Number(position ?? 0)
      return {
        next: async (): Promise<SourceBatch<T>> => {
          const records = rows.slice(at)
          if (records.length === 0 && !ends) await context.delay(1)
          at = rows.length
          return { records, end: ends }
        },
        position: () => at,
        close: async () => {},
      }
    },
  }
}

export function jobOf(build: (env: Env) => void): JobDefinition {
  return defineJob({ name: 'evolving', build }) as unknown as JobDefinition
}

/** Runs a job that does not end until `isReady` holds and a checkpoint was taken after that; then it is stopped. */
export async function runUntil(
  job: JobDefinition,
  isReady: () => boolean,
  options: Parameters<typeof runInline>[1] & { readonly files: FileSystem; readonly savepoint?: string },
): Promise<InlineJob> {
  let checkpointsAfter = 0
  return runInline(job, {
    ...options,
    onCheckpoint: (_report, coordinator) => {
      // The first may have begun before.
      if (isReady() && ++checkpointsAfter === 2) coordinator.stop('CANCELED', options.savepoint)
    },
  })
}
