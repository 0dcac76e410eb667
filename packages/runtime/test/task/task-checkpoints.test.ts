/** The part that one task takes in checkpoints: when it takes its snapshot, what is in it, and what it does beside. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { MillraceError, SinkWriter } from '@millrace/api'
import { SegmentLedger } from '@millrace/core'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { freshSplitEntry } from '../../src/task/source-driver.ts'
import { listSource, splitsOf } from './list-source.ts'
import { SlowStorage } from './slow-storage.ts'
import { SourceRun } from './source-run.ts'
import { barrier, batchOf, TaskRun } from './task-run.ts'

const settle = setImmediate
const ids = (run: TaskRun): number[] => run.acknowledged.map(({ id }) => id)

describe('checkpoints of a task', () => {
  it('takes its snapshot only when the chain is drained, and sends the barrier before what follows', async () => {
    const run = new TaskRun()
    run.operator.isHeld = true
    run.give(0, batchOf('a', 'b'), barrier(1), batchOf('c'))
    assert.equal(run.step(), 'waiting')
    await settle()
    assert.deepEqual([run.acknowledged, run.output.take()], [[], []])
    run.operator.isHeld = false
    run.step()
    await settle()
    run.time.nowMs += 100
    run.step()
    assert.deepEqual(run.output.take(), ['a', 'b', 'barrier 1', 'c'])
    assert.deepEqual(ids(run), [1])
  })

  it('reads nothing behind a barrier before the barriers of all channels are there', async () => {
    const run = new TaskRun({ input: 2 })
    run.give(0, barrier(1), batchOf('after'))
    run.give(1, batchOf('before'))
    run.step()
    run.give(1, batchOf('before too'), barrier(1))
    run.step()
    await settle()
    run.time.nowMs += 100
    run.step()
    assert.deepEqual(run.output.take(), ['before', 'before too', 'barrier 1', 'after'])
    assert.deepEqual(run.acknowledged, [
      {
        id: 1,
        snapshot: {
          operators: [{ uid: 'pass', tables: [], keyGroups: [], entries: [], committables: [] }],
          finished: false,
        },
      },
    ])
  })

  it('declines a checkpoint that a newer one overtakes on another channel', () => {
    const run = new TaskRun({ input: 2 })
    run.give(0, barrier(1))
    run.give(1, barrier(2))
    run.step()
    assert.deepEqual(run.declined, [1])
    run.give(0, barrier(2))
    run.step()
    assert.deepEqual(run.output.take(), ['barrier 2'])
  })

  it('reads on when a checkpoint is given up that blocks a channel', () => {
    const run = new TaskRun({ input: 2 })
    run.give(0, barrier(1), batchOf('a'))
    assert.equal(run.step(), 'idle')
    const { wakes } = run
    run.task.onCheckpointAborted(1)
    assert.ok(run.wakes > wakes)
    run.step()
    run.time.nowMs += 100
    run.step()
    assert.deepEqual(run.output.take(), ['a'])
  })

  it('says nothing of a snapshot that was given up while it was stored', async () => {
    const run = new TaskRun()
    run.give(0, barrier(1))
    run.step()
    run.task.onCheckpointAborted(1)
    await settle()
    assert.deepEqual([run.acknowledged, run.declined], [[], []])
  })

  describe('of a source', () => {
    function open(...records: string[]) {
      const lists = [records.map((split, n) => ({ split, at: n, n }))]
      const source = new SourceRun({
        source: listSource({ lists, cuts: [1], delays: [true], splitOrder: 'interleaved' }),
        entries: splitsOf(lists).map(freshSplitEntry),
      })
      return new TaskRun({ input: source, bufferTimeoutMs: 0 })
    }

    it('puts its splits into the snapshot, and the barrier where they stand', async () => {
      const run = open('a', 'b')
      run.step()
      await settle()
      run.step()
      await settle()
      run.task.trigger(barrier(1))
      run.step()
      await settle()
      const entries = run.acknowledged[0]?.snapshot.operators[0]?.entries ?? []
      const { position, skip } = entries[0] as { position: number | null; skip: number }
      const passed = run.output.take()
      assert.equal(passed[(position ?? 0) + skip], 'barrier 1')
    })

    it('takes checkpoints in order that came before it could take any', async () => {
      const run = open('a')
      run.task.trigger(barrier(1))
      run.task.trigger(barrier(2))
      run.step()
      await settle()
      assert.deepEqual([ids(run), run.declined], [[1, 2], []])
    })

    it('takes no snapshot of a checkpoint that was given up before its turn', async () => {
      const run = open('a')
      run.task.trigger(barrier(1))
      run.task.onCheckpointAborted(1)
      run.step()
      await settle()
      assert.deepEqual([run.acknowledged, run.output.take()], [[], []])
    })

    it('forwards barriers after its end, with no splits left', async () => {
      const run = open('a')
      for (let steps = 0; run.ends === 0 && steps < 20; steps++) {
        run.step()
        await settle()
      }
      run.task.trigger(barrier(1))
      run.step()
      await settle()
      assert.deepEqual(run.output.take().slice(-3), ['watermark Infinity', 'end', 'barrier 1'])
      const { snapshot } = run.acknowledged[0] as (typeof run.acknowledged)[0]
      assert.deepEqual([snapshot.finished, snapshot.operators[0]?.entries], [true, []])
    })
  })

  describe('of a sink', () => {
    function writerOf() {
      const calls: string[] = []
      const preparations: PromiseWithResolvers<void>[] = []
      const writer: SinkWriter<unknown> = {
        write: (records) => void calls.push(...records.map(String)),
        prepare: async (checkpointId, reason) => {
          calls.push(`prepare ${checkpointId} ${reason}`)
          const end = Promise.withResolvers<void>()
          preparations.push(end)
          await end.promise
          return { states: [`state ${checkpointId}`], committables: [`part ${checkpointId}`] }
        },
        close: async () => void calls.push('close'),
      }
      return { calls, preparations, writer }
    }

    it('writes nothing between a barrier and the end of its preparation, and wakes after it', async () => {
      const { calls, preparations, writer } = writerOf()
      const run = new TaskRun({ sink: writer })
      run.give(0, batchOf('a'), barrier(1, 'savepoint'), batchOf('b'))
      assert.equal(run.step(), 'waiting')
      assert.deepEqual(calls, ['a', 'prepare 1 savepoint'])
      const { wakes } = run
      preparations[0]?.resolve()
      await settle()
      assert.ok(run.wakes > wakes)
      run.step()
      assert.deepEqual(calls.slice(2), ['b'])
      const [operator] = run.acknowledged[0]?.snapshot.operators ?? []
      assert.deepEqual([operator?.entries, operator?.committables], [['state 1'], ['part 1']])
      run.task.onCheckpointComplete(1)
      await settle()
      assert.deepEqual(run.committed, [1])
    })

    it('carries what it prepared until that is committed', async () => {
      const { preparations, writer } = writerOf()
      const run = new TaskRun({ sink: writer })
      for (const id of [1, 2]) {
        run.give(0, barrier(id))
        run.step()
        preparations[id - 1]?.resolve()
        await settle()
        if (id === 1) run.task.onCheckpointAborted(1)
      }
      assert.deepEqual(run.acknowledged.at(-1)?.snapshot.operators[0]?.committables, ['part 1', 'part 2'])
    })

    it('prepares for its end once, however many checkpoints follow', async () => {
      const { calls, preparations, writer } = writerOf()
      const run = new TaskRun({ sink: writer })
      run.give(0, batchOf('a'), { kind: 'end' }, barrier(1), barrier(2))
      run.step()
      preparations[0]?.resolve()
      await settle()
      run.step()
      await settle()
      assert.deepEqual(calls, ['a', 'prepare 1 end'])
      assert.deepEqual(ids(run), [1, 2])
      assert.deepEqual(run.acknowledged[1]?.snapshot.operators[0]?.committables, ['part 1'])
    })

    it('has what its last preparation said of its state in every checkpoint that follows', async () => {
      const { preparations, writer } = writerOf()
      const run = new TaskRun({ sink: writer })
      run.give(0, { kind: 'end' }, barrier(1), barrier(2), barrier(3))
      run.step()
      preparations[0]?.resolve()
      await settle()
      run.task.onCheckpointAborted(1)
      run.step()
      await settle()
      const states = run.acknowledged.map(({ id, snapshot }) => [id, snapshot.operators[0]?.entries])
      assert.deepEqual(states, [
        [1, ['state 1']],
        [2, ['state 1']],
        [3, ['state 1']],
      ])
    })

    it('fails as a whole when it cannot prepare', async () => {
      const { preparations, writer } = writerOf()
      const run = new TaskRun({ sink: writer })
      run.give(0, barrier(1))
      run.step()
      preparations[0]?.reject(new Error('disk full'))
      await settle()
      assert.equal((run.failures[0] as MillraceError).code, 'SINK_WRITE_FAILED')
      assert.deepEqual([run.acknowledged, run.declined], [[], []])
    })
  })

  describe('of keyed state', () => {
    const KEYS = 1_000

    interface KeyedOptions {
      readonly keyGroups?: number
      readonly valueUnits?: number
      readonly snapshotBytesMax?: number
      /** Between two looks at the clock while it encodes; default: none, so that a slice is all that there is room for. */
      readonly msPerEntry?: number
    }

    /** Its snapshots are several times what they may hold, and are written when the test says so. */
    function keyedRun({ keyGroups = 4, valueUnits = 70, snapshotBytesMax = 8_192, msPerEntry = 0 }: KeyedOptions = {}) {
      let encodingMs = 0
      const monotonicMs = (): number => {
        encodingMs += msPerEntry
        return encodingMs
      }
      const backend = new HeapStateBackend({
        keyGroups: { first: 0, last: keyGroups - 1 },
        maxParallelism: keyGroups,
        now: () => 0,
        monotonicMs,
        encodeStepEntries: 1,
        snapshotBytesMax,
      })
      const table = backend.valueTable<string>({
        operatorUid: 'pass',
        name: 'values',
        kind: 'value',
        version: 1,
        ttlMs: undefined,
      })
      const change = (round: number): void => {
        for (let key = 0; key < KEYS; key++) {
          backend.setCurrentKey(key, key % keyGroups)
          table.put(`${key} in round ${round}`.padEnd(valueUnits, '.'))
        }
      }
      change(1)
      const storage = new SlowStorage()
      const run = new TaskRun({ keyed: { backend, ledger: new SegmentLedger() }, store: storage })
      /** Lets the task and the storage work until the snapshot with this index is stored. */
      const finish = async (index: number): Promise<void> => {
        while (storage.writings[index]?.isFinished !== true) {
          run.step()
          await storage.writings[index]?.settle()
        }
        await settle()
      }
      return { run, storage, change, finish }
    }

    it('sleeps while the storage is behind, and is woken by it', async () => {
      const { run, storage, finish } = keyedRun()
      run.give(0, barrier(1), batchOf('a'))
      assert.equal(run.step(), 'idle', 'records go on meanwhile, and nothing is to be encoded now')
      run.time.nowMs += 100
      run.step()
      assert.deepEqual(run.output.take(), ['barrier 1', 'a'])
      const { wakes } = run
      await storage.writings[0]?.settle()
      assert.ok(run.wakes > wakes)
      await finish(0)
      assert.deepEqual(ids(run), [1])
      assert.ok((storage.writings[0]?.writes.length ?? 0) > 10)
    })

    it('works on while it encodes, however many segments are open until the end', async () => {
      const { run, storage, finish } = keyedRun({
        keyGroups: KEYS,
        valueUnits: 1,
        snapshotBytesMax: 64 * 1_024,
        msPerEntry: 1,
      })
      run.give(0, barrier(1))
      run.step()
      let records = 0
      while (storage.writings[0]?.writes.length === 0) {
        assert.equal(run.task.isEncoding, true)
        run.give(0, batchOf(records++))
        assert.equal(run.step(), 'idle')
        assert.equal(run.task.recordsIn, records)
      }
      assert.ok(records > KEYS / 4, `${records} slices`)
      await finish(0)
      assert.deepEqual(ids(run), [1])
      const groups = run.acknowledged[0]?.snapshot.operators[0]?.keyGroups ?? []
      assert.deepEqual(
        groups.map(({ segments }) => segments.length),
        Array(KEYS).fill(1),
      )
    })

    it('begins a second snapshot when the first one is encoded', async () => {
      const { run, storage, finish } = keyedRun()
      run.give(0, barrier(1), batchOf('a'), barrier(2), batchOf('b'))
      assert.equal(run.step(), 'waiting')
      assert.equal(storage.writings.length, 1)
      run.time.nowMs += 100
      run.step()
      assert.deepEqual(run.output.take(), ['barrier 1', 'a'])
      await finish(0)
      await finish(1)
      run.time.nowMs += 100
      run.step()
      assert.deepEqual(run.output.take(), ['barrier 2', 'b'])
      assert.deepEqual(ids(run), [1, 2])
    })

    it('changes nothing more when too much was encoded because it changed, until something is written', async () => {
      const { run, storage, change, finish } = keyedRun()
      run.give(0, barrier(1))
      run.step()
      assert.deepEqual(run.output.take(), ['barrier 1'])
      change(2)
      run.give(0, batchOf('a'))
      run.time.nowMs += 100
      assert.equal(run.step(), 'waiting')
      run.time.nowMs += 100
      assert.equal(run.step(), 'waiting')
      assert.deepEqual(run.output.take(), [])
      await storage.writings[0]?.settle()
      await finish(0)
      run.step()
      run.time.nowMs += 100
      run.step()
      assert.deepEqual(run.output.take(), ['a'])
      assert.deepEqual(ids(run), [1])
    })

    it('declines a checkpoint whose write fails in the middle, gives up the rest, and takes the next one', async () => {
      const { run, storage, finish } = keyedRun()
      run.give(0, barrier(1))
      run.step()
      await storage.writings[0]?.settle(new Error('no room'))
      await settle()
      assert.deepEqual([run.declined, storage.writings[0]?.isDiscarded], [[1], true])
      run.give(0, barrier(2))
      run.step()
      await finish(1)
      assert.deepEqual(ids(run), [2])
      const groups = run.acknowledged[0]?.snapshot.operators[0]?.keyGroups ?? []
      const entries = groups.flatMap(({ segments }) => segments.map((segment) => segment.entries))
      assert.equal(
        entries.reduce((sum, each) => sum + each, 0),
        KEYS,
      )
    })

    it('gives up what is being written of a checkpoint that is given up, and when it is closed', async () => {
      const { run, storage } = keyedRun()
      run.give(0, barrier(1))
      run.step()
      run.task.onCheckpointAborted(1)
      assert.equal(storage.writings[0]?.isDiscarded, true)
      run.give(0, barrier(2))
      run.step()
      await run.task.close()
      assert.equal(storage.writings[1]?.isDiscarded, true)
      await settle()
      assert.deepEqual([run.acknowledged, run.declined, run.failures], [[], [], []])
    })
  })
})
