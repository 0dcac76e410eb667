/** A stop with a savepoint, with and without drain, and what starts from it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ascending,
  collect,
  type Duration,
  defineJob,
  type FileSystem,
  generator,
  type JobDefinition,
  type MillraceError,
  sum,
  tumbling,
} from '@millrace/api'
import { FOLDER, LATEST, memoryDisk, runInline } from './inline-job.ts'
import {
  checkSegments,
  fullDisk,
  KEYS,
  manifestAt,
  ON_REQUEST_ONLY,
  refusal,
  untilRead,
  whileRunning,
} from './requested-snapshots.ts'

describe('a stop with a savepoint', () => {
  /** By default one window that is open until the end of the input. */
  const windows = (records: number, perSecond: number, size: Duration = '1 min'): JobDefinition =>
    defineJob({
      name: 'windows',
      build: (env) => {
        env
          .from(generator({ records, perSecond, generate: (index) => ({ key: index % KEYS, n: 1, at: index }) }), {
            uid: 'in',
            watermarks: ascending<{ key: number; n: number; at: number }>(({ at }) => at),
          })
          .keyBy('key')
          .window(tumbling({ size }))
          .aggregate({ n: sum(({ n }: { n: number }) => n) }, ({ n }) => ({ n }), { uid: 'window' })
          .to(collect('out'), { uid: 'out' })
      },
    }) as unknown as JobDefinition

  async function stopped(files: FileSystem, drain: boolean, size?: Duration) {
    let answer: Promise<{ externalPath: string }> | undefined
    const run = await runInline(windows(20_000, 2_000, size), {
      files,
      configuration: ON_REQUEST_ONLY,
      onState: (state, job) => {
        if (state !== 'RUNNING') return
        answer = untilRead(job, 100).then(() => job.stopWithSavepoint({ targetFolder: 'kept', drain }))
      },
    })
    assert.equal(run.outcome.state, 'FINISHED', run.outcome.error?.message)
    const { externalPath } = (await answer) ?? { externalPath: '' }
    assert.equal(run.outcome.savepoint, externalPath)
    await checkSegments(files, externalPath)
    return { ...run, externalPath }
  }
  const counted = (collected: Readonly<Record<string, readonly unknown[]>>): number =>
    ((collected.out ?? []) as { n: number }[]).reduce((total, { n }) => total + n, 0)

  it('without drain fires nothing: the next run finds the window open and counts every record once', async () => {
    const files = memoryDisk()
    const { outcome, externalPath } = await stopped(files, false)
    assert.deepEqual(outcome.collected.out ?? [], [])
    const resumed = await runInline(windows(20_000, 1_000_000), {
      files,
      restore: { kind: 'path', path: externalPath, discardNewer: true, allowNonRestoredState: false },
    })
    assert.equal(counted(resumed.outcome.collected), 20_000)
  })

  it('with drain fires all windows and commits them; the savepoint is that of a job that has ended', async () => {
    const files = memoryDisk()
    const { outcome, externalPath } = await stopped(files, true)
    const before = counted(outcome.collected)
    assert.ok(before > 0 && before < 20_000, `${before} of 20,000 records were read`)
    assert.equal((await manifestAt(files, externalPath)).isFinal, true)
    const resumed = await runInline(windows(20_000, 1_000_000), { files, restore: LATEST })
    assert.equal(resumed.outcome.state, 'FINISHED')
    // What it had prepared is committed again, which changes nothing; no record is read.
    assert.equal(counted(resumed.outcome.collected), before)
    assert.match(resumed.messages.join('\n'), /^Checkpoint \d+ was drained: .* reads nothing; .* name it with -s\.$/m)
  })

  it('with drain, named by a start: it reads on, and what comes for windows that have fired is late', async () => {
    const files = memoryDisk()
    const { outcome, externalPath } = await stopped(files, true, '1 s')
    const before = counted(outcome.collected)
    const resumed = await runInline(windows(20_000, 1_000_000, '1 s'), {
      files,
      restore: { kind: 'path', path: externalPath, discardNewer: true, allowNonRestoredState: false },
      configuration: { 'parallelism.default': '2' },
    })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    assert.match(resumed.messages.join('\n'), /^The savepoint was drained: .* reads on where its sources stood/m)
    const late = (resumed.outcome.reading?.tasks ?? []).reduce(
      (total, { metrics }) => total + (metrics?.numLateRecordsDropped ?? 0) + (metrics?.numRecordsDiscarded ?? 0),
      0,
    )
    // With what the savepoint had prepared, which is committed again.
    assert.equal(counted(resumed.outcome.collected) + late, 20_000, `${before} before the drain, ${late} late`)
    assert.ok(late > 0 && late < 1_000, `${late} records were late`)
  })

  /** Sources of numbers, each with a sink of its own. */
  const sources = (...names: readonly string[]): JobDefinition =>
    defineJob({
      name: 'sources',
      build: (env) => {
        for (const name of names) {
          env
            .from(generator({ records: 50, perSecond: 100_000, generate: (index) => index }), { uid: name })
            .to(collect(name), { uid: `${name}-out` })
        }
      },
    }) as JobDefinition

  it('of a job that is given another source: a start that names its end reads that from the start', async () => {
    const files = memoryDisk()
    const first = await runInline(sources('old'), { files })
    assert.equal(first.outcome.state, 'FINISHED')
    const path = `${FOLDER}/chk-${first.coordinator.statistics.latest.completed?.id}`
    const resumed = await runInline(sources('old', 'more'), { files, restore: LATEST })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    assert.deepEqual(resumed.outcome.collected.more ?? [], [])
    assert.match(
      resumed.messages.join('\n'),
      /is final: .* reads nothing; "more", new .* not begun\. To read on, name it/,
    )
    const named = await runInline(sources('old', 'more'), {
      files,
      restore: { kind: 'path', path, discardNewer: false, allowNonRestoredState: false },
    })
    assert.equal(named.outcome.state, 'FINISHED', named.outcome.error?.message)
    assert.match(named.messages.join('\n'), /all its input was read: .* reads "more", new since then, from the start/)
    assert.equal(named.outcome.collected.more?.length, 50)
  })

  it('with drain, named by a start with another source in place of the first: it reads that', async () => {
    const files = memoryDisk()
    let answer: Promise<{ externalPath: string }> | undefined
    await runInline(windows(20_000, 2_000), {
      files,
      configuration: ON_REQUEST_ONLY,
      onState: (state, job) => {
        if (state !== 'RUNNING') return
        answer = untilRead(job, 100).then(() => job.stopWithSavepoint({ targetFolder: 'kept', drain: true }))
      },
    })
    const path = (await answer)?.externalPath ?? ''
    const { outcome } = await runInline(sources('other'), {
      files,
      restore: { kind: 'path', path, discardNewer: true, allowNonRestoredState: true },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.equal(outcome.collected.other?.length, 50)
  })

  it('that fails before its checkpoint is stored lets the job go on', async () => {
    let isFull = true
    const files = fullDisk((path) => isFull && path.includes(`${FOLDER}/chk-`))
    const { messages, failures } = await whileRunning(
      async (job) => {
        await refusal(job.stopWithSavepoint({ targetFolder: 'kept', drain: false }), 'SAVEPOINT_FAILED')
        isFull = false
        assert.equal((await job.takeCheckpoint({ type: 'full' })).checkpointId, 2)
      },
      { files },
    )
    assert.deepEqual(failures, [])
    assert.ok(messages.some((text) => text.startsWith('The savepoint failed, and the job goes on')))
  })

  it('whose attempt fails while it drains: the job goes on from before, not drained', async () => {
    let answer: Promise<MillraceError> | undefined
    const { outcome, failures } = await runInline(windows(2_000, 4_000), {
      configuration: { ...ON_REQUEST_ONLY, 'execution.checkpointing.max-concurrent-checkpoints': '4' },
      onState: (state, job) => {
        if (state !== 'RUNNING' || answer !== undefined) return
        answer = refusal(
          untilRead(job, 100).then(() => {
            const stop = job.stopWithSavepoint({ targetFolder: 'kept', drain: true })
            setImmediate(() => void job.killSlot(0))
            return stop
          }),
          'SAVEPOINT_FAILED',
        )
      },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.equal(failures.length, 1)
    assert.match((await answer)?.message ?? '', /failed before its savepoint was taken/)
    assert.equal(counted(outcome.collected), 2_000)
  })
})
