import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  ascending,
  collect,
  count,
  defineJob,
  generator,
  type JobDefinition,
  tumbling,
  valueState,
} from '@millrace/api'
import type { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import { runInline } from '../coordinator/inline-job.ts'
import { ManualClock } from '../coordinator/manual-clock.ts'

const AUTO_WATERMARK_MS = 200
const BUFFER_TIMEOUT_MS = 100

/** Runs a job on a clock of its own, a millisecond at a time and everything that it leads to, until `isEnough`. */
async function runOnClock(
  job: JobDefinition,
  clock: ManualClock,
  isEnough: (coordinator: JobCoordinator | undefined) => boolean,
  interval = '100 ms',
): Promise<void> {
  let coordinator: JobCoordinator | undefined
  let isOver = false
  const running = runInline(job, {
    clock,
    configuration: { 'execution.checkpointing.interval': interval, 'parallelism.default': '1' },
    onStart: (its) => {
      coordinator = its
    },
  }).finally(() => {
    isOver = true
  })
  while (!isOver) {
    clock.pass(1)
    // A wake-up, the turn, a message of it, and what the receiver makes of it.
    for (let hops = 0; hops < 6; hops++) await setImmediate()
    if (isEnough(coordinator)) coordinator?.cancel()
  }
  await running
}

describe('Slot', () => {
  for (const perSecond of [5, 50, 400]) {
    it(`windows over ${perSecond} records/s leave within the watermark interval and the buffer timeout`, async () => {
      const clock = new ManualClock()
      const windows: { readonly end: number; readonly lagMs: number }[] = []
      const startMs = clock.now()
      const job = defineJob({
        name: 'steady',
        build(env) {
          env
            // A record says when it was made, so event time and the clock can be compared.
            .from(generator({ perSecond, generate: () => ({ at: clock.now() - startMs }) }), {
              uid: 'ticks',
              watermarks: ascending(({ at }) => at),
            })
            .keyBy(() => 'all')
            .window(tumbling({ size: '1 s' }))
            .aggregate({ ticks: count() }, (_result, { window }) => window.end, { uid: 'per-second' })
            .map(
              (end) => {
                windows.push({ end, lagMs: clock.now() - startMs - end })
                return end
              },
              { uid: 'seen' },
            )
            .to(collect('ends'), { uid: 'out' })
        },
      }) as JobDefinition
      await runOnClock(job, clock, () => windows.length >= 5)
      // The window is known to be over when the first record behind it comes.
      const lagMsMax = 1_000 / perSecond + AUTO_WATERMARK_MS + BUFFER_TIMEOUT_MS
      assert.ok(windows.length >= 5)
      for (const { end, lagMs } of windows) assert.ok(lagMs <= lagMsMax, `the window to ${end} left ${lagMs} ms late`)
    })
  }

  it('cleans up keys that are never touched again, though no record comes, and shows what each state holds', async () => {
    const clock = new ManualClock()
    const keys = 200
    const job = defineJob({
      name: 'expiring',
      build(env) {
        env
          .from(generator({ perSecond: 0.1, generate: (index) => ({ from: index * keys }) }), { uid: 'ticks' })
          .flatMap(({ from }) => Array.from({ length: keys }, (_, index) => from + index), { uid: 'many' })
          .keyBy((key: number) => key)
          .process(
            {
              state: { seen: valueState<number>({ ttl: '2 s' }), kept: valueState<number>() },
              onRecord(key: number, ctx) {
                ctx.state.seen.set(key)
                ctx.state.kept.set(key)
              },
            },
            { uid: 'remember' },
          )
          .to(collect('nothing'), { uid: 'out' })
      },
    }) as JobDefinition
    const seen: (readonly [string, number, number | undefined])[][] = []
    const startedAtMs = clock.now()
    const isCleanedUp = (coordinator: JobCoordinator | undefined): boolean => {
      const tasks = coordinator?.reading().tasks ?? []
      const states = tasks.flatMap(({ metrics }) => metrics?.states ?? [])
      const shown = states
        .filter(({ operatorUid, name }) => operatorUid === 'remember' && !name.startsWith('_'))
        .map(({ name, entries, expiredEntries }) => [name, entries, expiredEntries] as const)
      if (JSON.stringify(shown) !== JSON.stringify(seen.at(-1))) seen.push(shown)
      const isClean = shown.some(([name, entries]) => name === 'seen' && entries === 0) && seen.length > 2
      return isClean || clock.now() - startedAtMs > 30_000
    }
    // Checkpoints would wake the slot.
    await runOnClock(job, clock, isCleanedUp, '1 h')
    // Both were set for each key. Ten seconds pass between two records, and of the second nothing is there yet.
    assert.deepEqual(seen.at(-1), [
      ['seen', 0, 0],
      ['kept', keys, undefined],
    ])
  })

  it('warns once when its memory comes close to the limit, naming the state that holds most', async () => {
    const job = defineJob({
      name: 'large',
      build(env) {
        env
          .from(generator({ generate: (index) => ({ key: index % 7 }), records: 500 }), { uid: 'items' })
          .keyBy('key')
          .aggregate({ items: count() }, ({ items }) => items, { uid: 'counts' })
          .to(collect('items'), { uid: 'out' })
      },
    }) as JobDefinition
    const MIB = 1_048_576
    const { outcome, messages } = await runInline(job, {
      memory: () => ({ usedBytes: 85 * MIB, limitBytes: 100 * MIB, isNearLimit: true }),
    })
    assert.equal(outcome.state, 'FINISHED')
    const warnings = messages.filter((message) => message.includes('above that the job fails'))
    assert.equal(warnings.length, 1, messages.join('\n'))
    assert.match(
      warnings[0] ?? '',
      /^Slot 0 holds 85 MiB, 85 % of 100 MiB; .*"counts".*taskmanager\.memory\.task\.heap\.size.*state\.backend\.type: segments/,
    )
  })
})
