import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ascending, MillraceError, type SinkWriter } from '@millrace/api'
import { SegmentLedger } from '@millrace/core'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { freshSplitEntry } from '../../src/task/source-driver.ts'
import { type ListItem, listSource, splitsOf } from './list-source.ts'
import { SlowStorage } from './slow-storage.ts'
import { SourceRun } from './source-run.ts'
import { type Tap, taps } from './tap-source.ts'
import { barrier, batchOf, TaskRun } from './task-run.ts'

const settle = setImmediate
const ids = (run: TaskRun): number[] => run.acknowledged.map(({ id }) => id)

describe('Task', () => {
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

  it('tells what it has read, written and waits for', () => {
    const run = new TaskRun({ input: 2, outputRoom: 1 })
    const { task } = run
    run.give(0, batchOf('a'), barrier(1), batchOf('b'))
    run.step()
    assert.equal(task.openAlignment?.barrier.checkpointId, 1)
    assert.equal(task.openAlignment.firstBarrierAtMs, 1_000)
    // An element is a byte in the channels of this test.
    assert.deepEqual([task.bytesIn, task.inputQueuedBytes, task.bytesOut], [2, 1, 0])
    run.give(1, barrier(1))
    run.step()
    assert.equal(task.openAlignment, undefined)
    assert.deepEqual([task.bytesIn, task.bytesOut, task.outputQueuedBytes], [3, 1, 1])
    run.output.take()
    run.step()
    assert.deepEqual([task.bytesOut, task.outputQueuedBytes], [2, 1])
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

  it('merges watermarks over its channels', () => {
    const run = new TaskRun({ input: 2 })
    run.give(0, { kind: 'watermark', timestamp: 5 })
    run.give(1, { kind: 'watermark', timestamp: 3 })
    run.step()
    assert.deepEqual([run.output.take(), run.task.watermarkIn, run.task.watermarkOut], [['watermark 3'], 3, 3])
    run.give(1, { kind: 'status', idle: true })
    run.step()
    run.give(0, { kind: 'status', idle: true })
    run.step()
    run.step()
    run.give(0, { kind: 'status', idle: false }, { kind: 'watermark', timestamp: 9 })
    run.step()
    assert.deepEqual(run.output.take(), ['watermark 5', 'idle', 'active', 'watermark 9'])
  })

  it('waits for room, then for nothing', () => {
    const run = new TaskRun({ outputRoom: 1, bufferTimeoutMs: 0 })
    run.give(
      0,
      { kind: 'watermark', timestamp: 1 },
      { kind: 'watermark', timestamp: 2 },
      { kind: 'watermark', timestamp: 3 },
    )
    assert.equal(run.step(), 'blocked')
    assert.deepEqual(run.output.take(), ['watermark 1'])
    assert.equal(run.step(), 'blocked')
    assert.deepEqual(run.output.take(), ['watermark 2'])
    assert.equal(run.step(), 'idle')
    assert.deepEqual(run.output.take(), ['watermark 3'])
  })

  for (const { bufferTimeoutMs, afterMs, isSent } of [
    { bufferTimeoutMs: 100, afterMs: 99, isSent: false },
    { bufferTimeoutMs: 100, afterMs: 100, isSent: true },
    { bufferTimeoutMs: 0, afterMs: 0, isSent: true },
    { bufferTimeoutMs: -1, afterMs: 1e9, isSent: false },
  ]) {
    it(`a record waits for its batch no longer than ${bufferTimeoutMs} ms: ${isSent} after ${afterMs} ms`, () => {
      const run = new TaskRun({ bufferTimeoutMs })
      run.give(0, batchOf('a'))
      run.step()
      const due = run.task.nextDueMs()
      assert.equal(due, bufferTimeoutMs > 0 ? 1_000 + bufferTimeoutMs : undefined)
      run.time.nowMs += afterMs
      run.step()
      assert.deepEqual(run.output.take(), isSent ? ['a'] : [])
    })
  }

  it('fires processing-time timers when they are due, but not before a barrier that waits', async () => {
    const run = new TaskRun({ bufferTimeoutMs: 0 })
    run.operator.timerMs = 1_050
    assert.equal(run.task.nextDueMs(), 1_050)
    run.operator.isHeld = true
    run.give(0, batchOf('a'), barrier(1))
    run.step()
    run.time.nowMs = 1_050
    run.operator.isHeld = false
    run.step()
    run.step()
    assert.deepEqual(run.output.take(), ['a', 'barrier 1', 'timer 1050'])
  })

  it('ends once all channels have, after what came before, and forwards barriers from then on', async () => {
    const run = new TaskRun({ input: 2 })
    run.give(0, batchOf('a'), { kind: 'end' })
    run.give(1, { kind: 'end' })
    run.step()
    assert.deepEqual([run.output.take(), run.ends, run.task.isEnded], [['a', 'end'], 1, true])
    run.give(0, barrier(1))
    run.give(1, barrier(1))
    run.step()
    await settle()
    assert.deepEqual(run.output.take(), ['barrier 1'])
    assert.equal(run.acknowledged[0]?.snapshot.finished, true)
    assert.equal(run.ends, 1)
  })

  it('had it finished before, it says so again, forwards barriers and runs nothing', async () => {
    const run = new TaskRun({ wasFinished: true })
    run.operator.timerMs = 1
    run.step()
    assert.deepEqual([run.output.take(), run.ends], [['watermark Infinity', 'end'], 1])
    assert.equal(run.task.nextDueMs(), undefined)
    run.give(0, { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }, { kind: 'end' }, barrier(1))
    run.step()
    await settle()
    assert.deepEqual([run.output.take(), run.ends, run.failures], [['barrier 1'], 1, []])
    assert.equal(run.acknowledged[0]?.snapshot.finished, true)
    run.give(0, batchOf('a'))
    run.step()
    assert.match(String(run.failures[0]), /had finished before the restored checkpoint and was given records/)
  })

  describe('errors', () => {
    for (const { name, error, code, message } of [
      { name: 'of no kind', error: new Error('boom'), code: 'INTERNAL', message: 'Pass (1/1) failed: boom' },
      {
        name: 'of the engine, without a place',
        error: new MillraceError('KEY_INVALID', 'The key is NaN', { hint: 'do' }),
        code: 'KEY_INVALID',
        message: 'Pass (1/1): The key is NaN',
      },
      {
        name: 'of the engine, with a place',
        error: new MillraceError('KEY_INVALID', 'The key is NaN', { details: { operator: 'Key' } }),
        code: 'KEY_INVALID',
        message: 'The key is NaN',
      },
    ]) {
      it(`say where: ${name}`, () => {
        const run = new TaskRun()
        run.give(0, batchOf(error))
        run.step()
        const [failure] = run.failures as [MillraceError]
        assert.deepEqual([failure.code, failure.message], [code, message])
        assert.ok(failure.details.task === 'Pass (1/1)' || failure.details.operator === 'Key')
        assert.ok(failure === error || failure.cause === error)
      })
    }

    it('end the task: it does nothing any more, and only the first counts', async () => {
      const run = new TaskRun()
      run.give(0, batchOf(new Error('first')), barrier(1), batchOf('a'))
      run.step()
      run.task.fail(new Error('second'))
      assert.equal(run.step(), 'idle')
      run.task.trigger(barrier(2))
      await settle()
      assert.deepEqual([run.failures.length, run.acknowledged, run.task.nextDueMs()], [1, [], undefined])
    })
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

    interface TapOptions {
      readonly outputRoom?: number
      readonly idleTimeoutMs?: number
      readonly isSourceAlone?: boolean
    }

    /** Of one unbounded split whose records the test gives. */
    async function openTap({ outputRoom, idleTimeoutMs, isSourceAlone = false }: TapOptions = {}) {
      const { all, source, entries } = taps(1)
      const time = { nowMs: () => 0 }
      const watermarks = { ...ascending<ListItem>(({ at }) => at), idleTimeoutMs } as never
      const input = new SourceRun({ source, entries, watermarks, monotonicMs: () => time.nowMs() })
      const room = outputRoom === undefined ? {} : { outputRoom }
      const run = new TaskRun({ input, bufferTimeoutMs: 0, isSourceAlone, ...room })
      time.nowMs = () => run.time.nowMs
      run.step()
      await settle()
      run.step()
      return { run, tap: all[0] as Tap }
    }

    it('a watermark that the clock sends leaves in the same turn, with no record behind it', async () => {
      const { run, tap } = await openTap()
      await tap.give(5)
      run.step()
      assert.equal(run.task.nextDueMs(), 1_200)
      run.time.nowMs = 1_200
      assert.equal(run.step(), 'idle')
      assert.deepEqual(run.output.take().slice(1), ['watermark 4'])
      assert.equal(run.task.nextDueMs(), undefined)
    })

    it('does not ask for a turn by the clock while its output is full: it could not use it', async () => {
      const { run, tap } = await openTap({ outputRoom: 1 })
      await tap.give(5)
      run.step()
      run.time.nowMs = 1_200
      assert.equal(run.step(), 'blocked')
      await tap.give(6)
      run.time.nowMs = 2_000
      assert.deepEqual([run.step(), run.task.nextDueMs()], ['blocked', undefined])
      run.output.take()
      run.step()
      assert.deepEqual(run.output.take(), ['watermark 4'])
    })

    it('says that it is active again before the records that made it so leave, also when nothing stands between', async () => {
      for (const isSourceAlone of [false, true]) {
        const { run, tap } = await openTap({ idleTimeoutMs: 300, isSourceAlone })
        await tap.give(5)
        run.step()
        run.time.nowMs = 1_300
        run.step()
        assert.deepEqual(run.output.take().slice(1), ['watermark 4', 'idle'])
        await tap.give(6)
        run.step()
        const [status, record] = run.output.take()
        assert.deepEqual([status, record], ['active', { split: 'tap 0', at: 6, n: 6 }])
      }
    })

    it('the records of a source count in its turn, though no stage follows it', async () => {
      const { run, tap } = await openTap({ isSourceAlone: true })
      await tap.give(1, 2, 3, 4, 5)
      const budget = { units: 2 }
      assert.equal(run.task.step(budget), 'more')
      assert.deepEqual([budget.units, run.task.recordsIn], [0, 2])
    })

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

    it('closes its writer', async () => {
      const { calls, writer } = writerOf()
      await new TaskRun({ sink: writer }).task.close()
      assert.deepEqual(calls, ['close'])
    })
  })

  describe('of keyed state', () => {
    const KEYS = 1_000

    /** Its snapshots are several times what they may hold, and are written when the test says so. */
    function keyedRun() {
      const backend = new HeapStateBackend({
        keyGroups: { first: 0, last: 3 },
        maxParallelism: 4,
        now: () => 0,
        monotonicMs: () => 0,
        encodeStepEntries: 1,
        snapshotBytesMax: 8_192,
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
          backend.setCurrentKey(key, key % 4)
          table.put(`${key} in round ${round}`.padEnd(70, '.'))
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
