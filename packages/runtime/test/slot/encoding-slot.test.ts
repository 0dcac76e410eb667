/** A slot whose records wait for something else goes on encoding a snapshot, as long as there is something to encode. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  defineJob,
  type JobDefinition,
  keyedProcess,
  type Sink,
  type Source,
  type SourceBatch,
  type,
  valueState,
} from '@millrace/api'
import { vertexIdOf } from '@millrace/core'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { memoryDisk } from '../coordinator/inline-job.ts'
import { ManualClock } from '../coordinator/manual-clock.ts'
import { deploySlot } from './deployed-slot.ts'

const KEYS = 1_000

/** Gives all keys at once, and then one more record when the test says so. */
class Keys {
  readonly #more = Promise.withResolvers<void>()

  giveMore(): void {
    this.#more.resolve()
  }

  source(): Source<number, number> {
    return {
      kind: 'keys',
      options: {},
      boundedness: 'unbounded',
      replayable: true,
      enumerate: async () => [{ id: 'all', payload: 'all' }],
      open: async () => {
        let reads = 0
        return {
          next: async (): Promise<SourceBatch<number>> => {
            reads++
            if (reads === 1) return { records: Array.from({ length: KEYS }, (_, key) => key), end: false }
            if (reads > 2) return new Promise<never>(() => {})
            await this.#more.promise
            return { records: [0], end: false }
          },
          position: () => reads,
          close: async () => {},
        }
      },
    }
  }
}

/** Its last write does not end. */
class StuckSink {
  written = 0
  isStuck = false

  sink(): Sink<number> {
    return {
      kind: 'stuck',
      options: {},
      guarantee: 'at-least-once',
      openWriter: async () => ({
        write: (records) => {
          this.written += records.length
          return this.written > KEYS ? this.#stick() : undefined
        },
        prepare: async () => ({ states: [], committables: [] }),
        close: async () => {},
      }),
    }
  }

  #stick(): Promise<void> {
    this.isStuck = true
    return new Promise(() => {})
  }
}

test('a snapshot is encoded while the sink of its task is busy', async (t) => {
  const keys = new Keys()
  const out = new StuckSink()
  const remember = keyedProcess({
    state: { seen: valueState<number>() },
    emits: type<number>(),
    onRecord(key: number, { state, emit }) {
      state.seen.set(key)
      emit(key)
    },
  })
  const job = defineJob({
    name: 'encoding',
    build(env) {
      env
        .from(keys.source(), { uid: 'keys' })
        .keyBy((key: number) => key)
        .process(remember, { uid: 'remember' })
        .to(out.sink(), { uid: 'out' })
    },
  }) as unknown as JobDefinition
  // An entry takes a millisecond of the time for encoding, so a slice is a few of them.
  let encodingMs = 0
  const files = memoryDisk()
  await new FileCheckpointStorage(files, 'checkpoints').open()
  const clock = new ManualClock()
  const { slot, told } = await deploySlot(t, job, {
    clock,
    files,
    isFed: true,
    createBackend: (keyGroups, maxParallelism) =>
      new HeapStateBackend({
        keyGroups,
        maxParallelism,
        now: () => 0,
        monotonicMs: () => encodingMs++,
        encodeStepEntries: 1,
      }),
  })
  /** Turns as the loop of a slot gives them, one each millisecond. */
  const turns = async (isDone: () => boolean): Promise<void> => {
    for (let turn = 0; !isDone(); turn++) {
      assert.ok(turn < 10_000, `${out.written} written, stuck: ${out.isStuck}`)
      clock.pass(1)
      slot.turn()
      await setImmediate()
    }
  }
  slot.onMessage({ type: 'start', restoredEventTimes: {} })
  await turns(() => out.written === KEYS)
  const snapshots = (): number => told.filter(({ type }) => type === 'snapshot').length
  slot.onMessage({
    type: 'trigger',
    barrier: { kind: 'barrier', checkpointId: 2, triggeredAtMs: 0, lastCompletedId: 0, snapshotKind: 'checkpoint' },
    tasks: [{ vertexId: vertexIdOf('keys'), subtask: 0 }],
  })
  keys.giveMore()
  await turns(() => out.isStuck)
  assert.equal(snapshots(), 1, 'that of the source')
  let busyTurns = 0
  while (slot.turn()) {
    busyTurns++
    await setImmediate()
  }
  assert.ok(busyTurns > KEYS / 20, `${busyTurns} turns`)
  // Nothing is left to encode: it sleeps, and what is stored is told without a turn.
  for (let turn = 0; snapshots() < 2 && turn < 1_000; turn++) await setImmediate()
  assert.equal(snapshots(), 2)
  assert.equal(slot.turn(), false)
})
