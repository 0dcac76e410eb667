/**
 * Thousands of jobs, each through a schedule of faults of its own. `MILLRACE_SIM_SEED=n` runs one seed,
 * `MILLRACE_SIM_SCHEDULES=n` another number of them, `MILLRACE_SIM_FIRST=n` other ones; a failure shows the last 60
 * actions, or `MILLRACE_SIM_ACTIONS=n`.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ALIGNMENTS, FAULT_KINDS, SNAPSHOT_OCCASIONS, STATE_BACKENDS, whyNoRocksdb } from '@millrace/testing'
import type { ScheduleAnswer } from './schedules.worker.ts'

const SCHEDULES_DEFAULT = 2_400
const SCHEDULES = Number(process.env.MILLRACE_SIM_SCHEDULES ?? SCHEDULES_DEFAULT)
const FIRST = Number(process.env.MILLRACE_SIM_FIRST ?? 1)
const ONE = process.env.MILLRACE_SIM_SEED
const FAILURES_MAX = Number(process.env.MILLRACE_SIM_FAILURES ?? 5)

/** Those that can be had here. */
const BACKENDS = STATE_BACKENDS.filter((type) => type !== 'rocksdb' || whyNoRocksdb === undefined)

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
  'outcome:SUSPENDED',
  'resumed:SUSPENDED',
  'signal-behind-a-stop',
  'cancelled-behind-a-signal',
  'refused',
  'retention-checked',
  'rewound:newest-whole',
  'process:newest-whole',
  'damage-found',
  'repeated-lines',
  'in-flight',
  'continued',
  'restored-continued',
  'crashed-while-storing',
  'savepoint-cleared',
  'state:RESTARTING',
  'disk-failed:write',
  'disk-failed:sync',
  'disk-failed:rename',
  'disk-failed:sync-folder',
  'disk-failed:local',
  'disk-lied',
  'scenario:expiring',
  'scenario:gathered',
  ...BACKENDS.map((backend) => `swept:${backend}`),
]

/** The laws hold for all of these together: each has to have happened when as many schedules ran as do by default. */
const COMBINATIONS = BACKENDS.flatMap((backend) => [
  ...SNAPSHOT_OCCASIONS.flatMap((occasion) =>
    ALIGNMENTS.map((alignment) => `snapshot:${occasion} ${alignment} ${backend}`),
  ),
  ...(['incremental', 'full'] as const).flatMap((occasion) =>
    (['unaligned', 'aligned-timeout'] as const).map((alignment) => `in-flight:${occasion} ${alignment} ${backend}`),
  ),
  ...BACKENDS.map((other) => `restored:${backend}>${other}`),
  // Seldom enough that not each of nine pairs can be had: from each, and on each.
  `restored-in-flight:${backend}>`,
  `restored-in-flight:>${backend}`,
])

test('jobs give the undisturbed answer through every schedule of faults', async (context) => {
  const counts = new Map<string, number>()
  const failures: string[] = []
  const seeds = ONE === undefined ? Array.from({ length: SCHEDULES }, (_, i) => FIRST + i) : [Number(ONE)]
  await runSeeds(seeds, (answer) => {
    if (answer.kind === 'failed') return failures.push(answer.message) < FAILURES_MAX
    for (const [kind, count] of [...answer.result.counts, [`scenario:${answer.result.scenario}`, 1] as const]) {
      for (const each of [kind, ...sidesOf(kind)]) counts.set(each, (counts.get(each) ?? 0) + count)
    }
    return true
  })
  if (whyNoRocksdb !== undefined) context.diagnostic(`NOT TESTED: state in RocksDB. ${whyNoRocksdb}`)
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

/** Of records in flight that one backend has stored and another has got: each side by itself. */
function sidesOf(kind: string): readonly string[] {
  const [, from, to] = /^restored-in-flight:(.+)>(.+)$/.exec(kind) ?? []
  return from === undefined ? [] : [`restored-in-flight:${from}>`, `restored-in-flight:>${to}`]
}

/** Runs seeds one after the other until `onAnswer` says false. */
async function runSeeds(seeds: readonly number[], onAnswer: (answer: ScheduleAnswer) => boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-simulation-'))
  const worker = new Worker(new URL('./schedules.worker.ts', import.meta.url), {
    workerData: { folder: whyNoRocksdb === undefined ? folder : undefined },
  })
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
    rmSync(folder, { recursive: true })
  }
}
