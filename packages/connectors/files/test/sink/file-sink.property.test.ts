/** Exactly once: whatever the order of writes, checkpoints and crashes, each record is in one finished file once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { csvSink } from '../../src/csv/csv-sink.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { type Row, SinkRun } from './sink-run.ts'

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), writer: fc.nat(3), count: fc.nat(30) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('checkpoint' as const),
      isAborted: fc.boolean(),
      isSavepoint: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), parallelism: fc.integer({ min: 1, max: 3 }) }),
  },
)

/** The process dies at the change to the disk with this number, counted from the last start. */
const deaths = fc.array(fc.nat(40), { maxLength: 6 })

class Died extends Error {}

function finishedRows(disk: MemoryFileSystem): number[] {
  return disk
    .names('out')
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      disk
        .text(`out/${name}`)
        .trimEnd()
        .split('\n')
        .filter((line) => line !== 'n')
        .map(Number),
    )
}

function assertOnceBelow(rows: readonly number[], next: number): void {
  assert.equal(new Set(rows).size, rows.length, 'a record is there twice')
  assert(
    rows.every((n) => n >= 0 && n < next),
    'a record is visible before its checkpoint',
  )
}

test('each record is in the finished files exactly once, through crashes at any change to the disk', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 40 }),
      deaths,
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      fc.record({
        rollOnCheckpoint: fc.boolean(),
        rollBytes: fc.constantFrom('20 b' as const, '200 b' as const, '1 mb' as const),
        header: fc.boolean(),
      }),
      async (commands, deathAt, randoms, options) => {
        const disk = new MemoryFileSystem()
        const random = () => randoms.next().value as number
        const run = new SinkRun(csvSink<Row>('out', { ...options, columns: ['n'] }), disk)
        const armDeath = () => {
          let left = deathAt.shift() ?? Number.POSITIVE_INFINITY
          disk.onChange = () => {
            if (left-- <= 0) throw new Died()
          }
        }
        const isDeath = (error: unknown): boolean =>
          error instanceof Died || (error instanceof Error && error.cause !== undefined && isDeath(error.cause))
        /** Runs until it succeeds: a death is followed by a crash of the disk and a new attempt. */
        const survive = async (act: () => Promise<void>) => {
          let isRestarting = false
          for (;;) {
            try {
              if (isRestarting) await run.start(2)
              isRestarting = false
              await act()
              return
            } catch (error) {
              if (!isDeath(error)) throw error
              disk.crash(random)
              assertOnceBelow(finishedRows(disk), run.completed?.next ?? 0)
              armDeath()
              isRestarting = true
            }
          }
        }
        armDeath()
        await survive(() => run.start(2))
        for (const step of commands) {
          if (step.kind === 'write') await survive(() => run.write(step.writer, step.count))
          else if (step.kind === 'checkpoint') {
            await survive(() => run.checkpoint(step.isSavepoint ? 'savepoint' : 'checkpoint', step.isAborted))
          } else {
            await survive(async () => {
              await run.close()
              await run.start(step.parallelism)
            })
          }
          assertOnceBelow(finishedRows(disk), run.completed?.next ?? 0)
        }
        await survive(() => run.checkpoint('end'))
        await survive(() => run.close())
        disk.crash(random)
        const rows = finishedRows(disk).sort((a, b) => a - b)
        assert.deepEqual(
          rows,
          Array.from({ length: run.completed?.next ?? 0 }, (_, n) => n),
        )
      },
    ),
    { numRuns: 200 },
  )
})
