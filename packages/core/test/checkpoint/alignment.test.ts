import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CheckpointBarrier } from '../../src/channel/stream-element.ts'
import { BarrierAlignment } from '../../src/checkpoint/alignment.ts'

const barrier = (checkpointId: number, triggeredAtMs = 100): CheckpointBarrier => ({
  kind: 'barrier',
  checkpointId,
  triggeredAtMs,
  lastCompletedId: 0,
  snapshotKind: 'checkpoint',
})

test('a channel is blocked from its barrier until the last one has come', () => {
  const alignment = new BarrierAlignment(3, 'exactly-once')
  assert.deepEqual(alignment.onBarrier(1, barrier(1), 120), [])
  assert.deepEqual(
    [0, 1, 2].map((channel) => alignment.isBlocked(channel)),
    [false, true, false],
  )
  assert.deepEqual(alignment.onBarrier(0, barrier(1), 125), [])
  assert.deepEqual(alignment.onBarrier(2, barrier(1), 150), [
    { kind: 'aligned', barrier: barrier(1), measures: { startDelayMs: 20, alignmentDurationMs: 30 } },
  ])
  assert.ok([0, 1, 2].every((channel) => !alignment.isBlocked(channel)))
})

test('a newer barrier supersedes the open one, and the late old ones mean nothing', () => {
  const alignment = new BarrierAlignment(2, 'exactly-once')
  alignment.onBarrier(0, barrier(1), 0)
  assert.deepEqual(alignment.onBarrier(1, barrier(2), 0), [{ kind: 'declined', checkpointId: 1, supersededBy: 2 }])
  assert.equal(alignment.isBlocked(0), false)
  assert.deepEqual(alignment.onBarrier(1, barrier(1), 0), [])
  assert.equal(alignment.onBarrier(0, barrier(2), 0)[0]?.kind, 'aligned')
})

test('an old barrier that was passed over stays passed over when the newer checkpoint is aborted', () => {
  const alignment = new BarrierAlignment(3, 'exactly-once')
  alignment.onBarrier(0, barrier(3), 0)
  // Records behind it are read, since the newer one has not come on this channel.
  assert.deepEqual(alignment.onBarrier(1, barrier(1), 0), [])
  alignment.onAbort(3)
  assert.deepEqual(alignment.onBarrier(2, barrier(1), 0), [])
  assert.equal(alignment.isBlocked(2), false)
  assert.deepEqual(alignment.onChannelClosed(0, 0), [])
  assert.deepEqual(alignment.onChannelClosed(1, 0), [])
})

test('an abort frees the channels, and the barrier that comes afterwards is no barrier', () => {
  const alignment = new BarrierAlignment(2, 'exactly-once')
  alignment.onBarrier(0, barrier(1), 0)
  alignment.onAbort(1)
  assert.equal(alignment.isBlocked(0), false)
  assert.deepEqual(alignment.onBarrier(1, barrier(1), 0), [])
  assert.equal(alignment.isBlocked(1), false)
  alignment.onAbort(3)
  assert.deepEqual(alignment.onBarrier(0, barrier(3), 0), [])
  assert.equal(alignment.isBlocked(0), false)
})

test('an abort of a later checkpoint leaves the open one alone', () => {
  const alignment = new BarrierAlignment(2, 'exactly-once')
  alignment.onBarrier(0, barrier(1), 0)
  alignment.onAbort(2)
  assert.equal(alignment.isBlocked(0), true)
  assert.equal(alignment.onBarrier(1, barrier(1), 0)[0]?.kind, 'aligned')
})

test('a task without inputs is aligned by the trigger, once', () => {
  const alignment = new BarrierAlignment(0, 'exactly-once')
  assert.deepEqual(alignment.onTrigger(barrier(4), 107), [
    { kind: 'aligned', barrier: barrier(4), measures: { startDelayMs: 7, alignmentDurationMs: 0 } },
  ])
  assert.deepEqual(alignment.onTrigger(barrier(4), 108), [])
  alignment.onAbort(5)
  assert.deepEqual(alignment.onTrigger(barrier(5), 109), [])
})

test('a closed channel counts as aligned, now and later', () => {
  const alignment = new BarrierAlignment(2, 'exactly-once')
  alignment.onBarrier(0, barrier(1), 0)
  assert.equal(alignment.onChannelClosed(1, 5)[0]?.kind, 'aligned')
  assert.equal(alignment.onBarrier(0, barrier(2), 9)[0]?.kind, 'aligned')
})

test('at-least-once keeps several checkpoints open and declines older ones when a newer is aligned', () => {
  const alignment = new BarrierAlignment(2, 'at-least-once')
  alignment.onBarrier(0, barrier(1), 0)
  alignment.onBarrier(0, barrier(2), 0)
  assert.equal(alignment.isBlocked(0), false)
  assert.equal(alignment.onBarrier(1, barrier(1), 0)[0]?.kind, 'aligned')
  alignment.onBarrier(0, barrier(3), 0)
  assert.deepEqual(
    alignment.onBarrier(1, barrier(3), 0).map((action) => action.kind),
    ['declined', 'aligned'],
  )
})

test('a channel that does not exist is an error', () => {
  assert.throws(() => new BarrierAlignment(2, 'exactly-once').onBarrier(2, barrier(1), 0), RangeError)
})
