/**
 * A job whose sink takes one write at a time and only when it may: the channels before it are full. What a checkpoint waits
 * for is told by how many writes it needs, not by a clock.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  defineJob,
  generator,
  type JobDefinition,
  keyedProcess,
  type PlainValue,
  type Sink,
  type Source,
  type SourceBatch,
  type,
  valueState,
} from '@millrace/api'
import type { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import { writeSavepoint } from '../../src/state-writer/write-savepoint.ts'
import { FOLDER, type InlineJob, LATEST, memoryDisk, runInline } from './inline-job.ts'

const RECORDS = 400
const KEYS = 5

/** Writes wait until they are let; what was prepared counts once it is committed. */
class GatedSink {
  /** The outside, which a job after this one goes on with: what is committed again is there once. */
  readonly committed: Map<string, readonly PlainValue[]>
  writes = 0
  isOpen = false
  #waiting: (() => void)[] = []

  constructor(committed = new Map<string, readonly PlainValue[]>()) {
    this.committed = committed
  }

  get lines(): string[] {
    return [...this.committed.values()].flat().map(String).sort()
  }

  /** Lets the write that waits go on. */
  letOne(): void {
    this.#waiting.shift()?.()
  }

  openUp(): void {
    this.isOpen = true
    for (const go of this.#waiting.splice(0)) go()
  }

  sink(): Sink<string> {
    return {
      kind: 'gated',
      options: {},
      guarantee: 'exactly-once',
      openWriter: async ({ subtask }) => {
        let open: string[] = []
        return {
          write: async (records) => {
            this.writes++
            if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve))
            open.push(...records)
          },
          prepare: async (id) => {
            const part = { id: `${id} ${subtask}`, records: open }
            open = []
            return { states: [], committables: part.records.length === 0 ? [] : [part] }
          },
          close: async () => {},
        }
      },
      openCommitter: async () => ({
        commit: async (parts) => {
          for (const part of parts) {
            const { id, records } = part as unknown as { id: string; records: string[] }
            this.committed.set(id, records)
          }
        },
        close: async () => {},
      }),
    }
  }
}

interface Numbered {
  readonly key: number
  readonly n: number
}

/** One split; each record comes alone, so that each is an element of its channel. */
function singly(onRecord: (record: Numbered) => void): Source<Numbered, number> {
  return {
    kind: 'singly',
    options: {},
    boundedness: 'bounded',
    replayable: true,
    enumerate: async () => [{ id: 'all', payload: 'all' }],
    open: async (_split, position) => {
      let next = position ?? 0
      return {
        next: async (): Promise<SourceBatch<Numbered>> => {
          if (next === RECORDS) return { records: [], end: true }
          const n = next++
          const record = { key: n % KEYS, n }
          onRecord(record)
          return { records: [record], end: false }
        },
        position: () => next,
        close: async () => {},
      }
    },
  }
}

class SlowJob {
  readonly output: GatedSink
  readonly records: Numbered[] = []

  constructor(output = new GatedSink()) {
    this.output = output
  }

  definition(): JobDefinition {
    const numbered = keyedProcess({
      state: { seen: valueState<number>() },
      emits: type<string>(),
      onRecord(record: Numbered, { state, emit }) {
        const seen = state.seen.get() ?? 0
        state.seen.set(seen + 1)
        emit(`${record.key} ${seen} ${record.n}`)
      },
    })
    return defineJob({
      name: 'slow',
      build: (env) => {
        env
          .from(
            singly((record) => void this.records.push(record)),
            { uid: 'numbers', parallelism: 1 },
          )
          .keyBy('key')
          .process(numbered, { uid: 'numbered' })
          .to(this.output.sink(), { uid: 'out' })
      },
    }) as unknown as JobDefinition
  }

  get generated(): number {
    return this.records.length
  }
}

/** Per key its records in order, each counted on from the one before. */
const expected = Array.from({ length: RECORDS }, (_, n) => `${n % KEYS} ${Math.floor(n / KEYS)} ${n}`).sort()

const CONFIGURATION = {
  'execution.checkpointing.interval': '1 h',
  'execution.buffer-timeout': '0 ms',
  'millrace.channel.local-size': '2 kb',
  'taskmanager.memory.segment-size': '64 b',
  'taskmanager.memory.max-segment-size': '1 kb',
}

interface Started {
  readonly job: SlowJob
  readonly running: Promise<InlineJob>
  readonly coordinator: JobCoordinator
}

async function start(
  files: ReturnType<typeof memoryDisk>,
  configuration: Readonly<Record<string, string>>,
): Promise<Started> {
  const job = new SlowJob()
  let coordinator: JobCoordinator | undefined
  const running = runInline(job.definition(), {
    files,
    configuration: { ...CONFIGURATION, ...configuration },
    onStart: (started) => {
      coordinator = started
    },
  })
  while (job.output.writes === 0) await setImmediate()
  // Full is what takes nothing more, however many turns there are.
  for (let still = 0, last = -1; still < 50; still = job.generated === last ? still + 1 : 0) {
    last = job.generated
    await setImmediate()
  }
  assert.ok(job.generated < RECORDS, 'the channels are smaller than the input')
  return { job, running, coordinator: coordinator as JobCoordinator }
}

const inProgress = ({ coordinator }: Started): number => coordinator.statistics.counts.inProgress
const completed = ({ coordinator }: Started): number => coordinator.statistics.counts.completed

/** Lets one write after the other go until the checkpoint is complete; how many that took. */
async function writesUntilComplete(started: Started): Promise<number> {
  const { job, coordinator } = started
  coordinator.stop()
  while (inProgress(started) === 0) await setImmediate()
  let lets = 0
  while (completed(started) === 0) {
    const before = job.output.writes
    lets++
    job.output.letOne()
    while (completed(started) === 0 && job.output.writes === before) await setImmediate()
    // The next write waits already: what the checkpoint can do without it, it does now.
    for (let turn = 0; turn < 50 && completed(started) === 0; turn++) await setImmediate()
  }
  return lets
}

/** Lets one write after the other go until there is an answer. */
async function lettingWrites<T>(started: Started, answer: Promise<T>): Promise<T> {
  const { job } = started
  let isAnswered = false
  const answered = (): void => {
    isAnswered = true
  }
  answer.then(answered, answered)
  while (inProgress(started) === 0 && !isAnswered) await setImmediate()
  while (!isAnswered) {
    // What the checkpoint can do without the next write, it does first.
    for (let turn = 0; turn < 50 && !isAnswered; turn++) await setImmediate()
    job.output.letOne()
  }
  return answer
}

describe('a checkpoint behind a slow sink', () => {
  it('has to wait for all that is queued when it is aligned, and for the write at hand when it is not', async () => {
    const aligned = await start(memoryDisk(), {})
    const alignedWrites = await writesUntilComplete(aligned)
    const unaligned = await start(memoryDisk(), { 'execution.checkpointing.unaligned.enabled': 'true' })
    const unalignedWrites = await writesUntilComplete(unaligned)
    assert.ok(alignedWrites >= 5, `${alignedWrites} writes`)
    assert.ok(unalignedWrites <= 2, `${unalignedWrites} writes`)
    const { latest } = unaligned.coordinator.statistics
    assert.ok((latest.completed?.persistedBytes ?? 0) > 0)
    assert.equal(aligned.coordinator.statistics.latest.completed?.persistedBytes, 0)
    const flags = latest.completed?.vertices.flatMap(({ subtasks }) =>
      subtasks.map((each) => each?.isUnaligned === true),
    )
    assert.deepEqual(flags, [false, true])
    await Promise.all([aligned.running, unaligned.running])
  })

  for (const parallelism of ['1', '2', '3']) {
    it(`gives the undisturbed answer after a restore at parallelism ${parallelism}`, async () => {
      const files = memoryDisk()
      const unaligned = { 'execution.checkpointing.unaligned.enabled': 'true' }
      const before = await start(files, { ...unaligned, 'parallelism.default': '2' })
      await writesUntilComplete(before)
      const { outcome } = await before.running
      assert.equal(outcome.error, undefined)
      const { committed, lines } = before.job.output
      assert.ok(lines.length < before.job.generated, 'something is in flight')
      const after = new SlowJob(new GatedSink(committed))
      after.output.openUp()
      const rest = await runInline(after.definition(), {
        files,
        restore: LATEST,
        configuration: { ...CONFIGURATION, 'parallelism.default': parallelism },
      })
      assert.equal(rest.outcome.state, 'FINISHED')
      assert.deepEqual(after.output.lines, expected)
    })
  }

  it('does not end the job when a record in flight cannot be stored: the next one is aligned', async () => {
    const started = await start(memoryDisk(), { 'execution.checkpointing.unaligned.enabled': 'true' })
    const { job, coordinator, running } = started
    // In the channel: two records have left it, and it holds more than ten.
    for (const record of job.records.slice(4, 9)) Object.assign(record, { changed: () => {} })
    const declined = coordinator.takeCheckpoint({ type: 'configured' })
    await assert.rejects(lettingWrites(started, declined), {
      code: 'CHECKPOINT_DECLINED',
      message:
        /^Checkpoint 1 was declined: ".+" \(1\/1\): .*A record in flight from "numbers" \(subtask 0\) to "numbered" cannot be stored, .*changed is the function changed/,
    })
    await lettingWrites(started, coordinator.takeCheckpoint({ type: 'configured' }))
    const { completed } = coordinator.statistics.latest
    assert.deepEqual([completed?.id, completed?.persistedBytes], [2, 0])
    job.output.openUp()
    const { outcome, failures, slots } = await running
    assert.deepEqual([outcome.state, failures, slots.launched], ['FINISHED', [], 1])
    assert.deepEqual(job.output.lines, expected)
  })

  it('is no ground for a savepoint that is written without a job', async () => {
    const files = memoryDisk()
    const before = await start(files, { 'execution.checkpointing.unaligned.enabled': 'true' })
    await writesUntilComplete(before)
    await before.running
    const from = `${FOLDER}/chk-1`
    await assert.rejects(writeSavepoint(files, 'savepoint', before.job.definition(), { operators: {}, from }), {
      code: 'SAVEPOINT_FAILED',
      message: `${from} holds records in flight to "numbered": its barriers were not aligned`,
    })
  })

  it('says what would be lost when the exchange of its records in flight is gone', async () => {
    const files = memoryDisk()
    const before = await start(files, { 'execution.checkpointing.unaligned.enabled': 'true' })
    await writesUntilComplete(before)
    await before.running
    const other = defineJob({
      name: 'slow',
      build: (env) => {
        const numbers = env.from(generator({ records: 1, generate: (n) => ({ key: n, n }) }), { uid: 'others' })
        const seen = keyedProcess({ state: { seen: valueState<number>() }, emits: type<string>(), onRecord() {} })
        numbers.keyBy('key').process(seen, { uid: 'numbered' }).to(new GatedSink().sink(), { uid: 'out' })
      },
    }) as unknown as JobDefinition
    const restore = { ...LATEST, allowNonRestoredState: true }
    await assert.rejects(
      async () => {
        const { outcome } = await runInline(other, { files, restore, configuration: CONFIGURATION })
        throw Object.assign(new Error(outcome.error?.message), { code: outcome.error?.code })
      },
      { code: 'CHECKPOINT_OTHER_JOB', message: new RegExp(`${FOLDER}.*in flight from "numbers" to "numbered"`) },
    )
  })
})
