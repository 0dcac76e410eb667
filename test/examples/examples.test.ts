// Every example gives its known answer: at several parallelisms, through the death of a slot at a random moment, with
// every hand-over encoded, and across a stop with savepoint and a restore at another parallelism. Inputs and answers lie
// outside the repository; they are looked for in `../shared` beside the checkout, or where MILLRACE_SHARED says.
//
// MILLRACE_SEED repeats the random choices of a run (not its timing).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningJob } from '@millrace/runtime'
import { whyNoRocksdb } from '@millrace/testing'
import {
  answerLines,
  type Example,
  inputRatio,
  jobFileOf,
  missingFiles,
  outputLines,
  paramsOf,
  runExample,
} from './example-run.ts'

const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const launcher = join(import.meta.dirname, '../../packages/millrace/bin/millrace.mjs')

const wikiInput = 'wikiticker/wikiticker-restored.slim.csv.gz'
const examples: readonly Example[] = [
  { name: 'hot-items', input: 'userbehavior/UserBehavior.csv.gz', answer: 'hot_items_top3_1h_5m.csv' },
  { name: 'page-views', input: 'userbehavior/UserBehavior.csv.gz', answer: 'userbehavior_pv_uv_hourly.csv' },
  { name: 'wiki-channels', input: wikiInput, query: 'total', answer: 'wiki_channel_total.csv' },
  { name: 'wiki-channels', input: wikiInput, query: 'top3-10m', answer: 'wiki_channel_top3_10m.csv' },
  { name: 'taxi-rides', input: 'nyctaxi/nycTaxiRides.gz', query: '15m', answer: 'nyctaxi_15m.csv' },
  { name: 'taxi-rides', input: 'nyctaxi/nycTaxiRides.gz', query: 'over-1h', answer: 'nyctaxi_over_1h.csv' },
  { name: 'taxi-rides', input: 'nyctaxi/nycTaxiRides.gz', query: 'ride-minutes', answer: 'nyctaxi_ride_minutes.csv' },
]

let temporary = ''
before(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'millrace-examples-'))
})
after(() => rm(temporary, { recursive: true, force: true }))
const newFolder = () => mkdtemp(join(temporary, 'run-'))

/** Caches that hold a small part of what the examples keep. */
const MANAGED = 'taskmanager.memory.managed.size'
const SEGMENTS = { 'state.backend.type': 'segments', [MANAGED]: '256 kb' }
const ROCKSDB = { 'state.backend.type': 'rocksdb', [MANAGED]: '512 kb' }
const BACKENDS: readonly Readonly<Record<string, string>>[] =
  whyNoRocksdb === undefined ? [{}, SEGMENTS, ROCKSDB] : [{}, SEGMENTS]

for (const example of examples) {
  const title = example.query === undefined ? example.name : `${example.name} ${example.query}`
  const missing = missingFiles(example)
  const skip =
    missing.length > 0 ? `NOT TESTED: ${missing.join(' and ')} missing (MILLRACE_SHARED names their folder)` : false

  for (const parallelism of [1, 2, 4]) {
    test(`${title} equals its answer at parallelism ${parallelism}`, { skip }, async () => {
      const folder = await newFolder()
      await runExample(example, { parallelism, folder })
      assert.deepEqual(await outputLines(folder), await answerLines(example))
    })

    test(`${title} equals its answer at parallelism ${parallelism} when a slot dies`, { skip }, async (t) => {
      const choose = randomOf(`${title} ${parallelism}`)
      const killedSlot = Math.floor(choose() * parallelism)
      const ratio = choose() * KILL_RATIO_MAX
      t.diagnostic(`MILLRACE_SEED=${seed}: slot ${killedSlot} dies at ${Math.round(ratio * 100)} % of the input`)
      const folder = await newFolder()
      const attend = (job: RunningJob) => killSlotAt(job, killedSlot, ratio)
      const { reading } = await runExample(example, { parallelism, folder, attend })
      assert.ok((reading?.attempt ?? 0) > 0, `the slot did not die in time, MILLRACE_SEED=${seed}`)
      assert.deepEqual(await outputLines(folder), await answerLines(example), `MILLRACE_SEED=${seed}`)
    })
  }

  test(`${title} equals its answer with every hand-over encoded`, { skip }, async () => {
    const folder = await newFolder()
    await runExample(example, { parallelism: 2, folder, configuration: { 'millrace.exchange.encode': 'always' } })
    assert.deepEqual(await outputLines(folder), await answerLines(example))
  })

  for (const configuration of [SEGMENTS, ROCKSDB]) {
    const type = configuration['state.backend.type']
    const skipped = skip === false && type === 'rocksdb' && whyNoRocksdb !== undefined
    const reason = skipped ? `NOT TESTED: ${whyNoRocksdb}` : skip
    test(`${title} equals its answer with state beyond its cache in ${type}, when a slot dies`, {
      skip: reason,
    }, async (t) => {
      const choose = randomOf(`${title} ${type}`)
      const ratio = choose() * KILL_RATIO_MAX
      t.diagnostic(`MILLRACE_SEED=${seed}: slot 0 dies at ${Math.round(ratio * 100)} % of the input`)
      const folder = await newFolder()
      const attend = (job: RunningJob) => killSlotAt(job, 0, ratio)
      const { reading } = await runExample(example, { parallelism: 2, folder, attend, configuration })
      assert.ok((reading?.attempt ?? 0) > 0, `the slot did not die in time, MILLRACE_SEED=${seed}`)
      assert.deepEqual(await outputLines(folder), await answerLines(example), `MILLRACE_SEED=${seed}`)
    })
  }

  test(`${title} equals its answer after a savepoint restored on another state backend`, { skip }, async (t) => {
    const choose = randomOf(`${title} backends`)
    const [from, to] = pickTwo(BACKENDS, choose)
    t.diagnostic(`MILLRACE_SEED=${seed}: ${JSON.stringify(from)}, then ${JSON.stringify(to)}`)
    const { savepoint, folder } = await stopWithSavepoint(example, 2, 1, from)
    assert.ok(savepoint !== undefined, `the input ended before any checkpoint, MILLRACE_SEED=${seed}`)
    await runExample(example, {
      parallelism: 2,
      folder,
      restore: { kind: 'path', path: savepoint, discardNewer: false, allowNonRestoredState: false },
      configuration: { ...to, 'execution.checkpointing.dir': join(folder, 'checkpoints-restored') },
    })
    assert.deepEqual(await outputLines(folder), await answerLines(example), `MILLRACE_SEED=${seed}`)
  })

  test(`${title} equals its answer after a savepoint restored at another parallelism`, { skip }, async (t) => {
    const choose = randomOf(`${title} savepoint`)
    const [from, to] = pickTwo([1, 2, 3, 4], choose)
    const checkpoints = 1 + Math.floor(choose() * 3)
    t.diagnostic(`MILLRACE_SEED=${seed}: parallelism ${from}, then ${to}; savepoint after checkpoint ${checkpoints}`)
    const { savepoint, folder } = await stopWithSavepoint(example, from, checkpoints)
    assert.ok(savepoint !== undefined, `the input ended before any checkpoint, MILLRACE_SEED=${seed}`)
    await runExample(example, {
      parallelism: to,
      folder,
      restore: { kind: 'path', path: savepoint, discardNewer: false, allowNonRestoredState: false },
      // A savepoint begins a history of its own.
      configuration: { 'execution.checkpointing.dir': join(folder, 'checkpoints-restored') },
    })
    assert.deepEqual(await outputLines(folder), await answerLines(example), `MILLRACE_SEED=${seed}`)
  })
}

for (const example of examples.filter(({ query }) => query === undefined || query === 'total' || query === '15m')) {
  const missing = missingFiles(example)
  const skip = missing.length > 0 ? `NOT TESTED: ${missing.join(' and ')} missing` : false
  test(`millrace run ${example.name} writes the answer`, { skip }, async () => {
    const folder = await newFolder()
    await runCommand(example, folder)
    assert.deepEqual(await outputLines(folder), await answerLines(example))
  })
}

/** On a busy machine a small input may end before so many checkpoints: then it is as good after fewer. */
async function stopWithSavepoint(
  example: Example,
  parallelism: number,
  checkpoints: number,
  configuration: Readonly<Record<string, string>> = {},
): Promise<{ readonly savepoint: string | undefined; readonly folder: string }> {
  const folder = await newFolder()
  const stopAfter = { checkpoints, savepointFolder: join(folder, 'savepoint') }
  const { savepoint } = await runExample(example, { parallelism, folder, stopAfter, configuration })
  if (savepoint !== undefined || checkpoints === 1) return { savepoint, folder }
  return stopWithSavepoint(example, parallelism, checkpoints - 1, configuration)
}

/** Later, the job may end before its slot does. */
const KILL_RATIO_MAX = 0.8
const RUN_TIMEOUT_MS = 180_000

async function killSlotAt(job: RunningJob, slot: number, ratio: number): Promise<void> {
  let isOver = false
  void job.outcome.then(() => {
    isOver = true
  })
  while (!isOver && !(job.reading()?.state === 'RUNNING' && inputRatio(job) >= ratio)) await sleep(1)
  await job.killSlot(slot)
}

/** As in the examples' READMEs; throws with what the command said when it did not end well. */
async function runCommand(example: Example, folder: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [launcher, 'run', jobFileOf(example), '-p', '2', '--', ...paramsOf(example, folder)],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL' },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const status = await new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)))
  assert.equal(status, 0, `millrace run ${example.name} ended with ${status}:\n${said}`)
}

function pickTwo<T>(values: readonly T[], choose: () => number): [T, T] {
  const first = values[Math.floor(choose() * values.length)] as T
  const others = values.filter((value) => value !== first)
  return [first, others[Math.floor(choose() * others.length)] as T]
}

/** Fractions in [0, 1), the same for the same seed and purpose (mulberry32). */
function randomOf(purpose: string): () => number {
  let state = [...purpose].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 16_777_619), seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
