/**
 * Records that are late by a restored window, though the watermark of their sender begins anew: they must come one by
 * one, which the sender can only know from the state that was restored.
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

/** One split with `rows`, which ends after them or waits for more that never come. */
function rowsOf(rows: readonly Row[], ends: boolean): Source<Row, number> {
  return {
    kind: 'rows',
    options: {},
    boundedness: ends ? 'bounded' : 'unbounded',
    replayable: true,
    enumerate: async () => [{ id: 'rows', payload: null }],
    open: async (_split, position = 0) => {
      let at = position
      return {
        next: async (): Promise<SourceBatch<Row>> => {
          if (at === rows.length) return ends ? { records: [], end: true } : new Promise(() => {})
          const records = rows.slice(at)
          at = rows.length
          return { records }
        },
        position: () => at,
        close: async () => {},
      }
    },
  }
}

function jobOf(rows: readonly Row[], ends: boolean, onResult: () => void = () => {}): JobDefinition {
  return defineJob({
    name: 'late-by-restored-state',
    build(env) {
      const windows = env
        .from(rowsOf(rows, ends), { uid: 'rows', parallelism: 1, watermarks: ascending<Row>(({ t }) => t) })
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
      const resumed = await runInline(jobOf([...before, ...late, { t: 26, k: 'a' }], true), {
        files,
        restore: LATEST,
        configuration: { 'parallelism.default': parallelism },
      })
      assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
      assert.deepEqual(stopped.outcome.collected.out?.toSorted(), ['a 10: 1', 'b 10: 1', 'c 10: 1', 'd 10: 1'])
      assert.deepEqual(resumed.outcome.collected.out, ['a 30: 2'])
      assert.deepEqual(
        resumed.outcome.collected.late?.toSorted(),
        [...KEYS, ...KEYS].sort().map((k) => `${k} at 5`),
      )
    })
  }
})
