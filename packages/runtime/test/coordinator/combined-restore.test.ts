/**
 * Records that are late by a restored window, though the watermark of their sender is behind it: a split was idle when
 * the checkpoint was taken and holds event time again after the restore. They must come one by one, which the sender can
 * only know from the state that was restored.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ascending,
  collect,
  count,
  defineJob,
  type JobDefinition,
  type Source,
  type SourceBatch,
  tumbling,
} from '@millrace/api'
import { LATEST, memoryDisk, runInline } from './inline-job.ts'

interface Row {
  readonly t: number
  readonly k: string
}

/**
 * One split with `rows`, and one that has nothing: while it is not idle it holds event time back. A run that ends has
 * these rows, and both splits end after them; one that does not end gives the last of them again and again, since a
 * split that is idle like the other holds event time where it is.
 */
function rowsAndNothing(rows: readonly Row[], ends: boolean): Source<Row, number> {
  let onRead = () => {}
  const allRead = new Promise<void>((resolve) => {
    onRead = resolve
  })
  return {
    kind: 'rows-and-nothing',
    options: {},
    boundedness: ends ? 'bounded' : 'unbounded',
    replayable: true,
    enumerate: async () => ['rows', 'nothing'].map((id) => ({ id, payload: id })),
    open: async (split, _position, context) => {
      // Each run has rows of its own.
      let at = 0
      const hasRows = split.payload === 'rows'
      return {
        next: async (): Promise<SourceBatch<Row>> => {
          if (hasRows && at === 0) {
            at = rows.length
            return { records: [...rows], end: false }
          }
          if (ends) {
            if (hasRows) onRead()
            else await allRead
            return { records: [], end: true }
          }
          if (!hasRows) return new Promise(() => {})
          await context.delay(1)
          return { records: rows.slice(-1), end: false }
        },
        position: () => at,
        close: async () => {},
      }
    },
  }
}

/** The split with nothing is idle soon in a job that does not end, and never in one that does. */
function jobOf(rows: readonly Row[], ends: boolean, onResult: () => void = () => {}): JobDefinition {
  return defineJob({
    name: 'late-by-restored-state',
    build(env) {
      const windows = env
        .from(rowsAndNothing(rows, ends), {
          uid: 'rows',
          parallelism: 1,
          watermarks: ascending<Row>(({ t }) => t, { idleTimeout: ends ? '1 h' : '20 ms' }),
        })
        .keyBy('k')
        .window(tumbling({ size: '10 ms' }))
        .aggregate(
          { n: count() },
          ({ n }, { key, window }) => {
            onResult()
            return `${key} ${window.end}: ${n}`
          },
          { uid: 'counts' },
        )
      windows.to(collect('out'), { uid: 'out' })
      windows
        .sideOutput('late')
        .map(({ t, k }) => `${k} at ${t}`, { uid: 'shown' })
        .to(collect('late'), { uid: 'late' })
    },
  }) as unknown as JobDefinition
}

const KEYS = ['a', 'b', 'c', 'd']

describe('a restored job that combines', () => {
  for (const parallelism of ['1', '2']) {
    it(`sends what is late by its state one by one, at parallelism ${parallelism}`, { timeout: 60_000 }, async () => {
      const files = memoryDisk()
      const before: Row[] = [...KEYS.map((k) => ({ t: 1, k })), { t: 25, k: 'a' }]
      let results = 0
      let checkpointsAfter = 0
      const stopped = await runInline(
        jobOf(before, false, () => results++),
        {
          files,
          onCheckpoint: (_report, coordinator) => {
            // The first of them may have begun before the window fired.
            if (results === KEYS.length && ++checkpointsAfter === 2) coordinator.stop('CANCELED')
          },
        },
      )
      assert.equal(stopped.outcome.state, 'CANCELED', stopped.outcome.error?.message)
      const late: Row[] = [...KEYS, ...KEYS].map((k) => ({ t: 5, k }))
      const resumed = await runInline(jobOf([...late, { t: 35, k: 'a' }], true), {
        files,
        restore: LATEST,
        configuration: { 'parallelism.default': parallelism },
      })
      assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
      assert.deepEqual(stopped.outcome.collected.out?.toSorted(), ['a 10: 1', 'b 10: 1', 'c 10: 1', 'd 10: 1'])
      assert.match(resumed.outcome.collected.out?.join(', ') ?? '', /^a 30: \d+, a 40: 1$/)
      assert.deepEqual(
        resumed.outcome.collected.late?.toSorted(),
        [...KEYS, ...KEYS].sort().map((k) => `${k} at 5`),
      )
    })
  }
})
