import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ascending,
  collect,
  count,
  defineJob,
  generator,
  type JobDefinition,
  MillraceError,
  type Sink,
  sum,
  tumbling,
  type,
  valueState,
} from '@millrace/api'
import { FOLDER, LATEST, memoryDisk, runInline } from './inline-job.ts'

type Reading = { readonly sensor: string; readonly value: number; readonly at: number }

const reading = (index: number): Reading => ({ sensor: `s${index % 7}`, value: index % 10, at: index * 100 })
/** Two subtasks, keyed windows; `onRecord` is user code that the test may let fail. */
function windows(records: number, onRecord: (reading: Reading) => void = () => {}, perSecond?: number): JobDefinition {
  const pace = perSecond === undefined ? {} : { perSecond }
  return defineJob({
    name: 'windows',
    build(env) {
      env
        .from(generator({ records, splits: 2, generate: reading, ...pace }), {
          uid: 'readings',
          watermarks: ascending(({ at }) => at),
        })
        .map(
          (record) => {
            onRecord(record)
            return record
          },
          { uid: 'check' },
        )
        .keyBy('sensor')
        .window(tumbling({ size: '10 s' }))
        .aggregate(
          { readings: count(), total: sum('value') },
          (result, { key, window }) => ({ sensor: key, start: window.start, ...result }),
          { uid: 'per-10-s' },
        )
        .to(collect('totals'), { uid: 'out' })
    },
  }) as JobDefinition
}

function expectedTotals(records: number): string[] {
  const totals = new Map<string, { readings: number; total: number }>()
  for (let i = 0; i < records; i++) {
    const { sensor, value, at } = reading(i)
    const key = `${sensor} ${Math.floor(at / 10_000) * 10_000}`
    const known = totals.get(key) ?? { readings: 0, total: 0 }
    totals.set(key, { readings: known.readings + 1, total: known.total + value })
  }
  return [...totals].map(([key, { readings, total }]) => `${key} ${readings} ${total}`).sort()
}

const totalsOf = (values: readonly unknown[] | undefined): string[] =>
  (values ?? [])
    .map((value) => value as { sensor: string; start: number; readings: number; total: number })
    .map(({ sensor, start, readings, total }) => `${sensor} ${start} ${readings} ${total}`)
    .sort()

const parallel = { 'parallelism.default': '2' }

/** Throws at the n-th calls, each time another error. */
function failingAt(...calls: number[]): () => void {
  let call = 0
  return () => {
    if (calls.includes(++call)) throw new Error(`boom ${call}`)
  }
}

describe('JobCoordinator', () => {
  it('runs a job to its end and delivers what its sinks committed', async () => {
    const { outcome, states, slots } = await runInline(windows(3_000), { configuration: parallel })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.deepEqual(totalsOf(outcome.collected.totals), expectedTotals(3_000))
    assert.deepEqual(states, ['INITIALIZING', 'RUNNING', 'FINISHED'])
    assert.deepEqual([slots.launched, slots.aliveMax], [2, 2])
    assert.ok(outcome.reading?.tasks.every(({ isEnded }) => isEnded))
  })

  it('the same without checkpoints, with nothing stored', async () => {
    const files = memoryDisk()
    const { outcome } = await runInline(windows(3_000), {
      files,
      configuration: { ...parallel, 'execution.checkpointing.interval': '0' },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.deepEqual(totalsOf(outcome.collected.totals), expectedTotals(3_000))
    assert.deepEqual(
      (await files.list(FOLDER)).map(({ name }) => name).filter((name) => name.startsWith('chk-')),
      [],
    )
  })

  it('goes on from the last checkpoint after failures, with every result once', async () => {
    const records = 20_000
    let completed = 0
    let seen = 0
    let failures = 0
    const { outcome, states, slots, messages } = await runInline(
      windows(
        records,
        () => {
          seen++
          // Once after the first checkpoint and once after the third.
          if ((completed >= 1 && failures === 0) || (completed >= 3 && failures === 1)) {
            failures++
            throw new Error(`boom ${failures}`)
          }
        },
        20_000,
      ),
      { configuration: parallel, onCheckpoint: ({ outcome }) => void (outcome === 'completed' && completed++) },
    )
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.equal(failures, 2)
    assert.deepEqual(totalsOf(outcome.collected.totals), expectedTotals(records))
    assert.ok(seen < 3 * records, 'a restart began at the beginning')
    assert.equal(states.filter((state) => state === 'RESTARTING').length, 2)
    assert.deepEqual([slots.launched, slots.aliveMax], [6, 2])
    assert.ok(messages.some((message) => /Attempt 2 goes on from checkpoint \d+/.test(message)))
  })

  it('says what to try of an error that comes again', async () => {
    const { outcome } = await runInline(
      windows(1_000, () => {
        throw new MillraceError('KEY_INVALID', 'always', { hint: 'Give it a key.' })
      }),
      { configuration: { 'restart-strategy.fixed-delay.attempts': '0' } },
    )
    assert.equal(outcome.error?.hint, 'Give it a key.')
    const again = await runInline(
      windows(1_000, () => {
        throw new MillraceError('SINK_WRITE_FAILED', 'always', { hint: 'Make room.' })
      }),
      { configuration: { 'restart-strategy.fixed-delay.attempts': '1' } },
    )
    assert.deepEqual([again.outcome.error?.code, again.outcome.error?.hint], ['RESTARTS_EXHAUSTED', 'Make room.'])
  })

  it('fails at the same error of user code again, without a checkpoint in between', async () => {
    const { outcome, failures } = await runInline(
      windows(1_000, () => {
        throw new Error('always')
      }),
      { configuration: { 'restart-strategy.fixed-delay.attempts': '100', 'execution.checkpointing.interval': '1 h' } },
    )
    assert.deepEqual([outcome.state, outcome.error?.code], ['FAILED', 'REPEATED_FAILURE'])
    assert.match(outcome.error?.cause?.message ?? '', /always/)
    assert.equal(failures.length, 2)
    assert.deepEqual(
      failures.map(({ restartInMs }) => restartInMs),
      [1, undefined],
    )
    assert.equal(failures[0]?.task?.subtask, 0)
  })

  for (const { name, code, generate, write } of [
    {
      name: 'a generator that throws',
      code: 'USER_FUNCTION_FAILED',
      generate: (index: number) => {
        if (index === 50) throw new Error('always')
        return { index }
      },
      write: () => {},
    },
    {
      name: 'a sink that throws',
      code: 'SINK_WRITE_FAILED',
      generate: (index: number) => ({ index }),
      write: () => {
        throw new Error('always')
      },
    },
    {
      name: 'a sink that rejects',
      code: 'SINK_WRITE_FAILED',
      generate: (index: number) => ({ index }),
      write: async () => {
        throw new Error('always')
      },
    },
  ]) {
    it(`fails at the same error again of ${name}`, async () => {
      const sink: Sink<unknown> = {
        kind: 'own',
        options: {},
        guarantee: 'at-least-once',
        openWriter: async () => ({
          write,
          prepare: async () => ({ states: [], committables: [] }),
          close: async () => {},
        }),
      }
      const job = defineJob({
        name: 'own',
        build(env) {
          env.from(generator({ records: 100, generate }), { uid: 'numbers' }).to(sink, { uid: 'out' })
        },
      }) as JobDefinition
      const { outcome, failures } = await runInline(job, {
        configuration: { 'restart-strategy.fixed-delay.attempts': '100', 'execution.checkpointing.interval': '1 h' },
      })
      assert.deepEqual([outcome.error?.code, failures.length], ['REPEATED_FAILURE', 2])
      assert.deepEqual([outcome.error?.cause?.code, outcome.error?.cause?.cause?.message], [code, 'always'])
    })
  }

  it('goes on restarting for as long as what a sink writes to is away', async () => {
    let refusals = 20
    const sink: Sink<unknown> = {
      kind: 'own',
      options: {},
      guarantee: 'at-least-once',
      openWriter: async () => ({
        write: () => {
          if (refusals-- > 0) throw new MillraceError('SINK_WRITE_FAILED', 'the service answers 503')
        },
        prepare: async () => ({ states: [], committables: [] }),
        close: async () => {},
      }),
    }
    const job = defineJob({
      name: 'own',
      build(env) {
        env
          .from(generator({ records: 100, generate: (index) => ({ index }) }), { uid: 'numbers' })
          .to(sink, { uid: 'out' })
      },
    }) as JobDefinition
    const { outcome, failures } = await runInline(job, {
      configuration: { 'restart-strategy.fixed-delay.attempts': '100', 'execution.checkpointing.interval': '1 h' },
    })
    assert.deepEqual([outcome.state, failures.length], ['FINISHED', 20])
  })

  it('fails at the first error when restarts are off, with that error', async () => {
    const { outcome, slots, coordinator } = await runInline(windows(1_000, failingAt(500)), {
      configuration: { 'restart-strategy.type': 'none' },
    })
    assert.equal(outcome.state, 'FAILED')
    assert.equal(slots.launched, 1)
    assert.deepEqual([outcome.error?.code, outcome.error?.details.uid], ['USER_FUNCTION_FAILED', 'check'])
    assert.equal(coordinator.facts.exceptions.length, 1)
  })

  it('fails at once at what a restart cannot help', async () => {
    const job = defineJob({
      name: 'bad key',
      build(env) {
        env
          .from(generator({ records: 10, generate: (index) => ({ index }) }), { uid: 'numbers' })
          .keyBy(() => Number.NaN)
          .reduce((a) => a, { uid: 'first' })
          .to(collect('out'), { uid: 'out' })
      },
    }) as JobDefinition
    const { outcome, slots } = await runInline(job)
    assert.deepEqual([outcome.error?.code, slots.launched], ['KEY_INVALID', 1])
    assert.match(outcome.error?.message ?? '', /numbers/i)
  })

  it('cancels', async () => {
    const { outcome, states } = await runInline(
      windows(1_000_000, () => {}, 1_000),
      {
        onCheckpoint: (_report, coordinator) => coordinator.cancel(),
      },
    )
    assert.deepEqual([outcome.state, outcome.error], ['CANCELED', undefined])
    assert.deepEqual(states.slice(-2), ['CANCELLING', 'CANCELED'])
  })

  it('stops with a last checkpoint, and resumes from it with every result once', async () => {
    const files = memoryDisk()
    const records = 6_000
    let completed = 0
    const stopped = await runInline(
      windows(records, () => {}, 6_000),
      {
        files,
        configuration: { 'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION' },
        onCheckpoint: (_report, coordinator) => {
          if (++completed === 2) coordinator.stop()
        },
      },
    )
    assert.equal(stopped.outcome.state, 'CANCELED', stopped.outcome.error?.message)
    const resumed = await runInline(windows(records), { files, restore: LATEST })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    const both = [...(stopped.outcome.collected.totals ?? []), ...(resumed.outcome.collected.totals ?? [])]
    assert.deepEqual(totalsOf(both), expectedTotals(records))
  })

  it('stops after a number of checkpoints with a savepoint, which another parallelism restores', async () => {
    const files = memoryDisk()
    const records = 6_000
    const stopped = await runInline(
      windows(records, () => {}, 6_000),
      {
        files,
        configuration: parallel,
        stopAfter: { checkpoints: 2, savepointFolder: 'savepoint' },
      },
    )
    assert.equal(stopped.outcome.state, 'FINISHED', stopped.outcome.error?.message)
    assert.equal(stopped.outcome.savepoint, 'savepoint')
    const resumed = await runInline(windows(records), {
      files,
      restore: { kind: 'path', path: 'savepoint', discardNewer: true, allowNonRestoredState: false },
      configuration: { 'parallelism.default': '3' },
    })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    const both = [...(stopped.outcome.collected.totals ?? []), ...(resumed.outcome.collected.totals ?? [])]
    assert.deepEqual(totalsOf(both), expectedTotals(records))
  })

  it('a finished job that is resumed finishes again and runs nothing', async () => {
    const files = memoryDisk()
    const configuration = { 'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION' }
    await runInline(windows(500), { files, configuration })
    const again = await runInline(
      windows(500, () => assert.fail('a record was read')),
      { files, configuration, restore: LATEST },
    )
    assert.deepEqual([again.outcome.state, again.slots.launched], ['FINISHED', 0])
  })

  it('a sink that cannot commit fails the attempt, and commits again after the restart', async () => {
    let commits = 0
    const committed: unknown[] = []
    const sink: Sink<unknown> = {
      kind: 'parts',
      options: {},
      guarantee: 'exactly-once',
      openWriter: async () => {
        let open: unknown[] = []
        return {
          write: (records) => void open.push(...records),
          prepare: async (id) => {
            const part = { id, records: open as number[] }
            open = []
            return { states: [], committables: part.records.length === 0 ? [] : [part] }
          },
          close: async () => {},
        }
      },
      openCommitter: async () => ({
        commit: async (parts) => {
          if (++commits === 1) throw new Error('the target is away')
          committed.push(...parts)
        },
        close: async () => {},
      }),
    }
    const job = defineJob({
      name: 'committing',
      build(env) {
        env.from(generator({ records: 100, generate: (index) => index }), { uid: 'numbers' }).to(sink, { uid: 'out' })
      },
    }) as JobDefinition
    const { outcome, failures } = await runInline(job)
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.equal(failures[0]?.error.code, 'SINK_COMMIT_FAILED')
    const parts = new Map(
      committed.map((part) => [(part as { id: number }).id, (part as { records: number[] }).records]),
    )
    assert.deepEqual(
      [...parts.values()].flat(),
      Array.from({ length: 100 }, (_, i) => i),
    )
  })

  it('keyed state survives a slot that is lost', async () => {
    const job = defineJob({
      name: 'numbering',
      build(env) {
        env
          .from(generator({ records: 4_000, perSecond: 8_000, generate: reading }), { uid: 'readings' })
          .keyBy('sensor')
          .process(
            {
              state: { seen: valueState<number>() },
              emits: type<{ key: string; seen: number }>(),
              onRecord(record, ctx) {
                const seen = (ctx.state.seen.get() ?? 0) + 1
                ctx.state.seen.set(seen)
                ctx.emit({ key: record.sensor, seen })
              },
            },
            { uid: 'number' },
          )
          .to(collect('numbers'), { uid: 'out' })
      },
    }) as JobDefinition
    let completed = 0
    const { outcome, failures } = await runInline(job, {
      configuration: parallel,
      onCheckpoint: (_report, coordinator) => {
        if (++completed === 2) void coordinator.killSlot(1)
      },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.deepEqual([failures[0]?.error.code, failures[0]?.slot], ['SLOT_LOST', 1])
    const seen = (outcome.collected.numbers ?? []) as { key: string; seen: number }[]
    const expected: string[] = []
    const counts = new Map<string, number>()
    for (let i = 0; i < 4_000; i++) {
      const { sensor } = reading(i)
      counts.set(sensor, (counts.get(sensor) ?? 0) + 1)
      expected.push(`${sensor} ${counts.get(sensor)}`)
    }
    assert.deepEqual(seen.map(({ key, seen }) => `${key} ${seen}`).sort(), expected.sort())
  })
})
