/** Checkpoints of one task whose barriers overtake: its output may be full, its input long. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { readInFlight } from '@millrace/core'
import { barrier, batchOf, TaskRun } from './task-run.ts'

const settle = setImmediate
const ids = (run: TaskRun): number[] => run.acknowledged.map(({ id }) => id)

function announced(run: TaskRun, checkpointId: number): void {
  for (const input of run.inputs) input.announce(barrier(checkpointId))
}

function recordsIn(bytes: Uint8Array): readonly unknown[] {
  const stages = readInFlight(bytes).stages.flat()
  return stages.flatMap(({ elements }) => elements.flatMap((each) => (each.kind === 'batch' ? each.batch.records : [])))
}

/** An input of `batches` records, each a batch, with a barrier behind them; the task takes some and then has no room. */
function stuffed(overtakeAfterMs: number | undefined, batches = 6): TaskRun {
  const run = new TaskRun({
    outputRoom: 2,
    bufferTimeoutMs: 0,
    ...(overtakeAfterMs === undefined ? {} : { overtakeAfterMs }),
  })
  for (let i = 1; i <= batches; i++) run.give(0, batchOf(`r${i}`))
  run.give(0, barrier(1))
  announced(run, 1)
  return run
}

/** Until nothing moves without room. */
async function standStill(run: TaskRun): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    run.step(1)
    await settle()
  }
}

describe('a task whose barriers overtake', () => {
  it('takes its snapshot while its output is full, where an aligned one waits for every record', async () => {
    const aligned = stuffed(undefined)
    await standStill(aligned)
    assert.deepEqual(ids(aligned), [])

    const run = stuffed(0)
    await standStill(run)
    assert.deepEqual(ids(run), [1])
    const inFlight = run.stored.flatMap(recordsIn)
    const before: unknown[] = []
    for (let taken = run.output.take(); taken.length > 0; taken = run.output.take()) {
      before.push(...taken)
      await standStill(run)
    }
    const at = before.indexOf('barrier 1')
    const all = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6']
    assert.ok(inFlight.length > 0)
    assert.deepEqual(
      [...before.slice(0, at), ...inFlight],
      all,
      'what has left and what is in flight are all that was sent',
    )
    assert.deepEqual(before.slice(at + 1), inFlight, 'what is in flight is worked off once, and after the barrier')
    assert.deepEqual(run.failures, [])
  })

  it('tells what it stored of the data in flight, and that its barrier was unaligned', async () => {
    const run = stuffed(0)
    await standStill(run)
    const [measures] = run.measured
    const bytes = run.stored.reduce((sum, each) => sum + each.length, 0)
    assert.ok(bytes > 0)
    assert.equal(measures?.persistedBytes, bytes)
    assert.equal(measures.checkpointedBytes, bytes)
    assert.equal(measures.isUnaligned, true)
    const [operator] = run.acknowledged[0]?.snapshot.operators ?? []
    assert.deepEqual(operator?.inFlight?.from, ['up'])
  })

  it('is aligned as long as its time is not up, and wakes for it', async () => {
    const run = stuffed(50)
    await standStill(run)
    assert.deepEqual(ids(run), [])
    assert.equal(run.task.nextDueMs(), 1_050)
    run.time.nowMs = 1_050
    await standStill(run)
    assert.deepEqual(ids(run), [1])
    assert.equal(run.measured[0]?.startDelayMs, 50)
  })

  it('does not wait for the batch at hand: the records that it has not begun are in flight', async () => {
    const run = new TaskRun({ bufferTimeoutMs: 0, overtakeAfterMs: 0 })
    const records = Array.from({ length: 1_000 }, (_, i) => i)
    run.give(0, batchOf(...records), batchOf('next'), barrier(1))
    run.step(10)
    announced(run, 1)
    run.step(2)
    await settle()
    assert.deepEqual(ids(run), [1])
    const sent = run.output.take()
    assert.ok(sent.indexOf('barrier 1') <= 12, `the barrier came after ${sent.indexOf('barrier 1')} records`)
    const inFlight = run.stored.flatMap(recordsIn)
    assert.deepEqual([...sent.slice(0, sent.indexOf('barrier 1')), ...inFlight], [...records, 'next'])
    for (let turn = 0; turn < 20; turn++) run.step()
    sent.push(...run.output.take())
    assert.deepEqual(
      sent.filter((each) => each !== 'barrier 1'),
      [...records, 'next'],
    )
    assert.equal(run.task.recordsIn, records.length + 1)
  })

  it('works off what it has put back when the checkpoint is given up before its snapshot', async () => {
    const run = new TaskRun({ bufferTimeoutMs: 0, overtakeAfterMs: 0 })
    run.give(0, batchOf(1, 2, 3, 4, 5), barrier(1))
    run.step(2)
    run.operator.isHeld = true
    announced(run, 1)
    assert.equal(run.step(), 'waiting')
    run.task.onCheckpointAborted(1)
    run.operator.isHeld = false
    run.give(0, batchOf(6), barrier(2))
    announced(run, 2)
    await standStill(run)
    assert.deepEqual(ids(run), [2])
    assert.deepEqual(
      run.output.take().filter((each) => each !== 'barrier 2'),
      [1, 2, 3, 4, 5, 6],
    )
    assert.deepEqual([run.task.recordsIn, run.inputs[0]?.isHeldBack, run.failures], [6, false, []])
  })

  it('finishes what is half worked off without room, and then is full again', async () => {
    const run = new TaskRun({ outputRoom: 1, bufferTimeoutMs: 0, overtakeAfterMs: 0 })
    run.operator.copies = 5_000
    run.give(0, batchOf('many'), batchOf('next'), barrier(1))
    run.step(10_000)
    await settle()
    assert.deepEqual(ids(run), [], 'the record is half worked off')
    announced(run, 1)
    await standStill(run)
    run.step(10_000)
    await settle()
    assert.deepEqual(ids(run), [1])
    assert.equal(run.step(), 'blocked')
  })

  it('does not need the announcement of an aligned barrier', async () => {
    const run = new TaskRun({ input: 2, overtakeAfterMs: 0 })
    run.give(0, barrier(1))
    run.give(1, barrier(1))
    run.step()
    await settle()
    assert.deepEqual(ids(run), [1])
    assert.equal(run.measured[0]?.isUnaligned, undefined)
  })

  it('announces its own barrier, but none of a savepoint', async () => {
    const run = new TaskRun({ overtakeAfterMs: 0 })
    run.give(0, barrier(1, 'savepoint'))
    run.step()
    const announced: (number | undefined)[] = [run.output.announced?.checkpointId]
    run.give(0, barrier(2))
    run.step()
    announced.push(run.output.announced?.checkpointId)
    assert.deepEqual(announced, [undefined, 2])
    await settle()
  })

  it('gives up what it records when the checkpoint is aborted, and takes the next one', async () => {
    const run = stuffed(0)
    run.inputs[0]?.take()
    run.give(0, batchOf('a'))
    run.step()
    await settle()
    assert.deepEqual(ids(run), [], 'its barrier has not come')
    run.task.onCheckpointAborted(1)
    await settle()
    run.give(0, barrier(1), batchOf('b'), barrier(2))
    announced(run, 2)
    await standStill(run)
    assert.deepEqual([ids(run), run.declined, run.failures], [[2], [], []])
  })

  it('goes on when something in flight cannot be stored: the checkpoint is declined, and the next one aligned', async () => {
    const run = new TaskRun({ outputRoom: 2, bufferTimeoutMs: 0, overtakeAfterMs: 0 })
    const bad = () => {}
    for (const record of ['r1', 'r2', 'r3', bad, 'r5']) run.give(0, batchOf(record))
    run.give(0, barrier(1))
    announced(run, 1)
    await standStill(run)
    assert.deepEqual([ids(run), run.declined, run.failures], [[], [1], []])
    const [reason] = run.reasons as [Error & { code: string }]
    assert.equal(reason.code, 'CHECKPOINT_DECLINED')
    assert.match(reason.message, /from "up" \(subtask 0\) to "pass" cannot be stored/)
    const seen: unknown[] = []
    for (let taken = run.output.take(); taken.length > 0; taken = run.output.take()) {
      seen.push(...taken)
      await standStill(run)
    }
    assert.deepEqual(
      seen.filter((each) => each !== 'barrier 1'),
      ['r1', 'r2', 'r3', bad, 'r5'],
    )
    run.give(0, batchOf('r6'), barrier(2))
    announced(run, 2)
    await standStill(run)
    assert.deepEqual(ids(run), [2])
    assert.equal(run.measured[0]?.isUnaligned, undefined)
  })

  it('records beyond its budget as it works off, and is then complete', async () => {
    const run = new TaskRun({ outputRoom: 2, bufferTimeoutMs: 0, overtakeAfterMs: 0, readAheadBytesMax: 2 })
    const records = Array.from({ length: 12 }, (_, i) => `r${i}`)
    for (const record of records) run.give(0, batchOf(record))
    run.give(0, barrier(1))
    announced(run, 1)
    await standStill(run)
    assert.deepEqual(ids(run), [], 'more is in flight than may be kept')
    const seen: unknown[] = []
    for (let taken = run.output.take(); taken.length > 0; taken = run.output.take()) {
      seen.push(...taken)
      await standStill(run)
    }
    assert.deepEqual(ids(run), [1])
    assert.deepEqual(
      seen.filter((each) => each !== 'barrier 1'),
      records,
    )
    assert.deepEqual(run.stored.flatMap(recordsIn), records.slice(seen.indexOf('barrier 1')))
  })
})
