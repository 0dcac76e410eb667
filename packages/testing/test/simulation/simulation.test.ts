/**
 * Thousands of jobs, each through a schedule of faults of its own. `MILLRACE_SIM_SEED=n` runs one seed,
 * `MILLRACE_SIM_SCHEDULES=n` another number of them, `MILLRACE_SIM_FIRST=n` other ones; a failure shows the last 60
 * actions, or `MILLRACE_SIM_ACTIONS=n`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ALIGNMENTS, FAULT_KINDS, SNAPSHOT_OCCASIONS, STATE_BACKENDS } from '@millrace/testing'
import type { ScheduleAnswer } from './schedules.worker.ts'

const SCHEDULES_DEFAULT = 2_400
const SCHEDULES = Number(process.env.MILLRACE_SIM_SCHEDULES ?? SCHEDULES_DEFAULT)
const FIRST = Number(process.env.MILLRACE_SIM_FIRST ?? 1)
const ONE = process.env.MILLRACE_SIM_SEED
const FAILURES_MAX = Number(process.env.MILLRACE_SIM_FAILURES ?? 5)

/** Each of these has to have happened, or the run says nothing about it. */
const HAVE_TO_HAPPEN = [
  ...FAULT_KINDS.map((kind) => `fault:${kind}`),
  'checkpoint:completed',
  'checkpoint:failed',
  'process:latest',
  'process:path',
  'rescaled',
  'rewound',
  'rewound:savepoint',
  'claim-mode:CLAIM',
  'claim-mode:NO_CLAIM',
  'drained',
  'drained-at-least-once',
  'request:answered',
  'retention-checked',
  'rewound:newest-whole',
  'process:newest-whole',
  'damage-found',
  'repeated-lines',
  'in-flight',
  'continued',
  'restored-continued',
  'crashed-while-storing',
  'state:RESTARTING',
  'disk-failed:write',
  'disk-failed:sync',
  'disk-failed:rename',
  'disk-failed:sync-folder',
  'disk-failed:local',
  'disk-lied',
  'scenario:expiring',
  'scenario:gathered',
  ...STATE_BACKENDS.map((backend) => `swept:${backend}`),
]

/** The laws hold for all of these together: each has to have happened when as many schedules ran as do by default. */
const COMBINATIONS = STATE_BACKENDS.flatMap((backend) => [
  ...SNAPSHOT_OCCASIONS.flatMap((occasion) =>
    ALIGNMENTS.map((alignment) => `snapshot:${occasion} ${alignment} ${backend}`),
  ),
  ...(['incremental', 'full'] as const).flatMap((occasion) =>
    (['unaligned', 'aligned-timeout'] as const).map((alignment) => `in-flight:${occasion} ${alignment} ${backend}`),
  ),
  ...STATE_BACKENDS.flatMap((other) => [`restored:${backend}>${other}`, `restored-in-flight:${backend}>${other}`]),
])

test('jobs give the undisturbed answer through every schedule of faults', async (context) => {
  const counts = new Map<string, number>()
  const failures: string[] = []
  const seeds = ONE === undefined ? Array.from({ length: SCHEDULES }, (_, i) => FIRST + i) : [Number(ONE)]
  await runSeeds(seeds, (answer) => {
    if (answer.kind === 'failed') return failures.push(answer.message) < FAILURES_MAX
    for (const [kind, count] of [...answer.result.counts, [`scenario:${answer.result.scenario}`, 1] as const]) {
      counts.set(kind, (counts.get(kind) ?? 0) + count)
    }
    return true
  })
  const summary = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${kind}=${count}`)
  context.diagnostic(`${seeds.length} schedules from seed ${seeds[0]}: ${summary.join(' ')}`)
  assert.equal(failures.length, 0, `\n${failures.join('\n\n')}`)
  if (seeds.length < 1_000) return
  const isDefault = seeds.length >= SCHEDULES_DEFAULT
  const missing = [...HAVE_TO_HAPPEN, ...(isDefault ? COMBINATIONS : [])].filter((kind) => !counts.has(kind))
  assert.deepEqual(missing, [], 'never happened')
})

test('a seed gives the same schedule again', { skip: ONE !== undefined }, async () => {
  const hashes: number[] = []
  await runSeeds([FIRST + 7, FIRST + 8, FIRST + 7, FIRST + 8], (answer) => {
    if (answer.kind === 'passed') hashes.push(answer.result.hash)
    return true
  })
  assert.deepEqual(hashes.slice(2), hashes.slice(0, 2))
})

/** Runs seeds one after the other until `onAnswer` says false. */
async function runSeeds(seeds: readonly number[], onAnswer: (answer: ScheduleAnswer) => boolean): Promise<void> {
  const worker = new Worker(new URL('./schedules.worker.ts', import.meta.url))
  const done = Promise.withResolvers<void>()
  worker.on('error', done.reject)
  worker.on('exit', (code) => done.reject(new Error(`the worker ended with code ${code}`)))
  let next = 0
  const send = (): void => {
    if (next < seeds.length) worker.postMessage(seeds[next++])
    else done.resolve()
  }
  worker.on('message', (answer: ScheduleAnswer) => {
    if (onAnswer(answer)) send()
    else done.resolve()
  })
  send()
  try {
    await done.promise
  } finally {
    await worker.terminate()
  }
}
