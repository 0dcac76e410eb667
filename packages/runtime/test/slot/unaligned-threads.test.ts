/**
 * Unaligned checkpoints over rings between real threads. The sink is slow, so that the channels before it are full: there is data in
 * flight whenever a barrier comes, in each checkpoint that is looked at. One thread dies within a checkpoint; the job goes on from
 * data in flight at other parallelisms.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { RunningJob } from '../../src/coordinator/run-job.ts'
import { type StartedThreadJob, threadJobs } from './thread-job.ts'

const { startText } = threadJobs()

const SPLITS = 2
const RECORDS_PER_SPLIT = 1_500
const KEYS = 50

const CONFIGURATION = {
  'execution.checkpointing.interval': '1 h',
  'execution.checkpointing.unaligned.enabled': 'true',
  'execution.buffer-timeout': '0 ms',
  'taskmanager.memory.segment-size': '64 b',
  'taskmanager.memory.max-segment-size': '1 kb',
  'millrace.channel.local-size': '1 kb',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '3',
  'restart-strategy.fixed-delay.delay': '0 ms',
}

/** `outside`: where committed lines are; the file `open` there makes the sink fast, `kill` ends the thread that prepares next. */
const textOf = (outside: string): string => `
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { defineJob, keyedProcess, type Sink, type Source, type SourceBatch, type, valueState } from '@millrace/api'

const OUTSIDE = ${JSON.stringify(outside)}
type Numbered = { readonly key: number; readonly split: number; readonly n: number }

const singly: Source<Numbered, number> = {
  kind: 'singly',
  options: {},
  boundedness: 'bounded',
  replayable: true,
  enumerate: async () => Array.from({ length: ${SPLITS} }, (_, split) => ({ id: 'split ' + split, payload: split })),
  open: async ({ payload }, position) => {
    const split = payload as number
    let n = position ?? 0
    return {
      next: (): SourceBatch<Numbered> =>
        n === ${RECORDS_PER_SPLIT}
          ? { records: [], end: true }
          : { records: [{ key: n % ${KEYS}, split, n: n++ }], end: false },
      position: () => n,
      close: async () => {},
    }
  },
}

const counted = keyedProcess({
  state: { seen: valueState<number>() },
  emits: type<string>(),
  onRecord({ key, split, n }: Numbered, { state, emit }) {
    const seen = state.seen.get() ?? 0
    state.seen.set(seen + 1)
    emit([key, seen, split, n].join(' '))
  },
})

const slow: Sink<string> = {
  kind: 'slow',
  options: {},
  guarantee: 'exactly-once',
  batchRecordsMax: 1,
  openWriter: async ({ subtask, nonce }) => {
    let lines: string[] = []
    return {
      write: async (records) => {
        if (!existsSync(OUTSIDE + '/open')) await new Promise((resolve) => setTimeout(resolve, 5))
        lines.push(...records)
      },
      prepare: async (id) => {
        if (existsSync(OUTSIDE + '/kill')) {
          rmSync(OUTSIDE + '/kill', { force: true })
          process.exit(7)
        }
        const part = { id: [id, subtask, nonce].join('-'), lines }
        lines = []
        return { states: [], committables: part.lines.length === 0 ? [] : [part] }
      },
      close: async () => {},
    }
  },
  openCommitter: async () => ({
    commit: async (parts) => {
      for (const part of parts) {
        const { id, lines } = part as unknown as { id: string; lines: string[] }
        writeFileSync(OUTSIDE + '/' + id + '.tmp', lines.join('\\n'))
        renameSync(OUTSIDE + '/' + id + '.tmp', OUTSIDE + '/' + id + '.lines')
      }
    },
    close: async () => {},
  }),
}

export default defineJob({
  name: 'unaligned-threads',
  build(env) {
    env.from(singly, { uid: 'numbers' }).keyBy('key').process(counted, { uid: 'counted' }).to(slow, { uid: 'out' })
  },
})
`

test('data in flight between threads survives a killed thread and other parallelisms', async (t) => {
  const outside = await newFolder(t)
  const first = await startText(textOf(outside), { ...CONFIGURATION, 'parallelism.default': '2' })
  const { job } = first
  t.after(() => cancel(first))
  assert.ok((await checkpointUnderBackPressure(job)) > 0, 'bytes in flight in the first checkpoint')

  await writeFile(join(outside, 'kill'), '')
  await assert.rejects(job.takeCheckpoint({ type: 'configured' }), 'the thread died within the checkpoint')
  await until(job, () => job.reading()?.attempt === 1 && job.reading()?.state === 'RUNNING')
  assert.equal(job.reading()?.statistics.latest.restored?.id, 1)
  assert.ok((await checkpointUnderBackPressure(job)) > 0, 'bytes in flight after the return')
  await end(first)

  const wider = first.resume({ ...CONFIGURATION, 'parallelism.default': '3' })
  t.after(() => cancel(wider))
  assert.ok((await checkpointUnderBackPressure(wider.job)) > 0, 'bytes in flight with three threads')
  await end(wider)

  await writeFile(join(outside, 'open'), '')
  const last = wider.resume({ ...CONFIGURATION, 'parallelism.default': '1' })
  t.after(() => cancel(last))
  const { state, error } = await last.job.outcome
  assert.equal(state, 'FINISHED', error?.message)
  checkExactlyOnce(await committedLines(outside))
})

/** Takes a checkpoint when every receiver has something queued; the bytes in flight that it stored. */
async function checkpointUnderBackPressure(job: RunningJob): Promise<number> {
  await until(job, () => {
    const { tasks = [], state } = job.reading() ?? {}
    const [source] = tasks
    const receivers = tasks.filter(({ id }) => id.vertexId !== source?.id.vertexId)
    return (
      state === 'RUNNING' &&
      receivers.length > 0 &&
      receivers.every(({ metrics }) => (metrics?.inputQueuedBytes ?? 0) > 0)
    )
  })
  const { checkpointId } = await job.takeCheckpoint({ type: 'configured' })
  const completed = job.reading()?.statistics.latest.completed
  assert.equal(completed?.id, checkpointId)
  return completed.persistedBytes
}

/** Each record once, and the records of a key from one split in their order. */
function checkExactlyOnce(lines: readonly string[]): void {
  const rows = lines.map((line) => line.split(' ').map(Number) as [key: number, seen: number, split: number, n: number])
  assert.equal(rows.length, SPLITS * RECORDS_PER_SPLIT)
  for (const [key, own] of Map.groupBy(rows, ([key]) => key)) {
    const ordered = own.toSorted(([, a], [, b]) => a - b)
    assert.deepEqual(
      ordered.map(([, seen]) => seen),
      ordered.map((_, index) => index),
      `key ${key} counts each record once`,
    )
    for (let split = 0; split < SPLITS; split++) {
      const numbers = ordered.filter(([, , from]) => from === split).map(([, , , n]) => n)
      const expected = Array.from({ length: RECORDS_PER_SPLIT }, (_, n) => n).filter((n) => n % KEYS === key)
      assert.deepEqual(numbers, expected, `key ${key} of split ${split}`)
    }
  }
}

async function committedLines(outside: string): Promise<string[]> {
  const names = (await readdir(outside)).filter((name) => name.endsWith('.lines'))
  const texts = await Promise.all(names.map((name) => readFile(join(outside, name), 'utf8')))
  return texts.flatMap((text) => text.split('\n'))
}

/** With a last checkpoint. */
async function end({ job }: StartedThreadJob): Promise<void> {
  job.stop()
  await job.outcome
}

/** Also one that has ended. */
async function cancel({ job }: StartedThreadJob): Promise<void> {
  job.cancel()
  await job.outcome
}

async function until(job: RunningJob, isSo: () => boolean): Promise<void> {
  let ended: string | undefined
  void job.outcome.then(({ state, error }) => {
    ended = `${state} ${error?.message}`
  })
  while (!isSo()) {
    assert.equal(ended, undefined, 'the job has ended')
    await setImmediate()
  }
}

async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-outside-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
