import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ascending, MillraceError, type SinkWriter } from '@millrace/api'
import { SegmentLedger } from '@millrace/core'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import type { ListItem } from './list-source.ts'
import { SourceRun } from './source-run.ts'
import { type Tap, taps } from './tap-source.ts'
import { barrier, batchOf, TaskRun } from './task-run.ts'

const settle = setImmediate

describe('Task', () => {
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
  })

  it('closes the writer of its sink', async () => {
    const calls: string[] = []
    const writer: SinkWriter<unknown> = {
      write: () => {},
      prepare: async () => ({ states: [], committables: [] }),
      close: async () => void calls.push('close'),
    }
    await new TaskRun({ sink: writer }).task.close()
    assert.deepEqual(calls, ['close'])
  })

  it('closes whatever can be closed, and tells what failed first', async () => {
    const { source, entries } = taps(1)
    const closed: string[] = []
    const input = new SourceRun({
      source: {
        ...source,
        open: async (split, position, context) => ({
          ...(await source.open(split, position, context)),
          close: async () => {
            closed.push('reader')
            throw new Error('the reader hangs on')
          },
        }),
      },
      entries,
    })
    const backend = new HeapStateBackend({
      keyGroups: { first: 0, last: 0 },
      maxParallelism: 1,
      now: () => 0,
      monotonicMs: () => 0,
    })
    const closeBackend = backend.close.bind(backend)
    backend.close = () => {
      closed.push('state')
      closeBackend()
    }
    const run = new TaskRun({ input, keyed: { backend, ledger: new SegmentLedger() } })
    run.operator.close = () => {
      closed.push('chain')
      throw new Error('the chain hangs on')
    }
    run.step()
    await settle()
    await assert.rejects(run.task.close(), { message: 'the chain hangs on; then: the reader hangs on' })
    assert.deepEqual(closed, ['chain', 'reader', 'state'])
  })
})
