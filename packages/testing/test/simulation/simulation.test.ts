/**
 * Thousands of jobs, each through a schedule of faults of its own. `MILLRACE_SIM_SEED=n` runs one seed,
 * `MILLRACE_SIM_SCHEDULES=n` another number of them, `MILLRACE_SIM_FIRST=n` other ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULT_KINDS } from '@millrace/testing'
import { runSchedule } from './schedule.ts'

const SCHEDULES = Number(process.env.MILLRACE_SIM_SCHEDULES ?? 3_000)
const FIRST = Number(process.env.MILLRACE_SIM_FIRST ?? 1)
const ONE = process.env.MILLRACE_SIM_SEED

/** Each of these has to have happened, or the run says nothing about it. */
const HAVE_TO_HAPPEN = [
  ...FAULT_KINDS.map((kind) => `fault:${kind}`),
  'checkpoint:completed',
  'checkpoint:failed',
  'process:latest',
  'process:path',
  'rescaled',
  'rewound',
  'state:RESTARTING',
  'disk-failed:write',
  'disk-failed:sync',
  'disk-failed:rename',
  'disk-failed:sync-folder',
]

test('jobs give the undisturbed answer through every schedule of faults', async (context) => {
  const counts = new Map<string, number>()
  const failures: string[] = []
  const seeds = ONE === undefined ? Array.from({ length: SCHEDULES }, (_, i) => FIRST + i) : [Number(ONE)]
  for (const seed of seeds) {
    try {
      const result = await runSchedule(seed)
      for (const [kind, count] of result.counts) counts.set(kind, (counts.get(kind) ?? 0) + count)
      counts.set(`scenario:${result.scenario}`, (counts.get(`scenario:${result.scenario}`) ?? 0) + 1)
    } catch (error) {
      failures.push((error as Error).message)
      if (failures.length >= 5) break
    }
  }
  const summary = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${kind}=${count}`)
  context.diagnostic(`${seeds.length} schedules from seed ${seeds[0]}: ${summary.join(' ')}`)
  assert.equal(failures.length, 0, `\n${failures.join('\n\n')}`)
  if (seeds.length < 1_000) return
  for (const kind of HAVE_TO_HAPPEN) assert.ok((counts.get(kind) ?? 0) > 0, `${kind} never happened`)
})

test('a seed gives the same schedule again', { skip: ONE !== undefined }, async () => {
  for (const seed of [FIRST + 7, FIRST + 8, FIRST + 9]) {
    const first = await runSchedule(seed)
    const second = await runSchedule(seed)
    assert.deepEqual([second.hash, second.actions], [first.hash, first.actions])
  }
})
