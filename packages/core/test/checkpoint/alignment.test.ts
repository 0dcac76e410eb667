import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CheckpointBarrier } from '../../src/channel/stream-element.ts'
import { BarrierAlignment } from '../../src/checkpoint/alignment.ts'

const barrier = (checkpointId: number, lastCompletedId = 0): CheckpointBarrier => ({
  kind: 'barrier',
  checkpointId,
  triggeredAtMs: 100,
  lastCompletedId,
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

const unaligned = (timeoutMs: number, ...mayOvertake: boolean[]): BarrierAlignment =>
  new BarrierAlignment(mayOvertake.length, 'exactly-once', { timeoutMs, mayOvertake })

test('a barrier overtakes when it is announced or has come on every channel', () => {
  const alignment = unaligned(0, true, true, true)
  alignment.onAnnounced(0, barrier(1))
  alignment.onAnnounced(1, barrier(1))
  assert.deepEqual(alignment.decideOvertaking(110), [])
  alignment.onBarrier(2, barrier(1), 120)
  assert.equal(alignment.isBlocked(2), true)
  assert.deepEqual(alignment.decideOvertaking(150), [
    {
      kind: 'overtakes',
      barrier: barrier(1),
      measures: { startDelayMs: 20, alignmentDurationMs: 30 },
      pending: [0, 1],
    },
  ])
  assert.ok([0, 1, 2].every((channel) => !alignment.isBlocked(channel)))
  assert.deepEqual(alignment.decideOvertaking(160), [], 'once')
})

test('before its time is up a barrier is aligned, and then overtakes what it still waits for', () => {
  const alignment = unaligned(40, true, true)
  alignment.onAnnounced(0, barrier(1))
  alignment.onAnnounced(1, barrier(1))
  assert.equal(alignment.overtakingDueMs, 140)
  assert.deepEqual(alignment.decideOvertaking(139), [])
  assert.deepEqual(alignment.onBarrier(0, barrier(1), 139), [])
  const [action] = alignment.decideOvertaking(140)
  assert.ok(action?.kind === 'overtakes')
  assert.deepEqual(action.pending, [1])
})

test('nothing is overtaken where records go one way only, for a savepoint, in at-least-once mode, or after an abort', () => {
  const forward = unaligned(0, true, false)
  const atLeastOnce = new BarrierAlignment(2, 'at-least-once', { timeoutMs: 0, mayOvertake: [true, true] })
  const aborted = unaligned(0, true, true)
  aborted.onAbort(1)
  for (const alignment of [forward, atLeastOnce, aborted]) {
    for (const channel of [0, 1]) alignment.onAnnounced(channel, barrier(1))
    assert.deepEqual(alignment.decideOvertaking(1_000), [])
    assert.equal(alignment.overtakingDueMs, undefined)
  }
  forward.onBarrier(1, barrier(1), 1_000)
  assert.equal(forward.decideOvertaking(1_000)[0]?.kind, 'overtakes', 'the one that it had to wait for has come')
  const savepoint = unaligned(0, true)
  savepoint.onAnnounced(0, { ...barrier(1), snapshotKind: 'savepoint' })
  assert.deepEqual(savepoint.decideOvertaking(1_000), [])
})

test('a newer barrier that overtakes gives up the one that is being aligned', () => {
  const alignment = unaligned(0, true, true)
  alignment.onBarrier(0, barrier(1), 0)
  for (const channel of [0, 1]) alignment.onAnnounced(channel, barrier(2))
  const [declined, overtakes] = alignment.decideOvertaking(200)
  assert.deepEqual(declined, { kind: 'declined', checkpointId: 1, supersededBy: 2 })
  assert.equal(overtakes?.kind, 'overtakes')
  assert.deepEqual(alignment.onBarrier(1, barrier(1), 200), [])
})

test('barriers are aligned where something in flight could not be stored, until a later checkpoint is complete', () => {
  const alignment = unaligned(0, true, true)
  const overtakes = (id: number, lastCompletedId: number): boolean => {
    for (const channel of [0, 1]) alignment.onAnnounced(channel, barrier(id, lastCompletedId))
    return alignment.decideOvertaking(1_000)[0]?.kind === 'overtakes'
  }
  assert.equal(overtakes(2, 1), true)
  alignment.onUnstorable(2)
  assert.equal(overtakes(3, 1), false)
  assert.equal(alignment.overtakingDueMs, undefined)
  assert.deepEqual(alignment.onBarrier(0, barrier(3, 1), 1_000), [])
  assert.equal(alignment.onBarrier(1, barrier(3, 1), 1_000)[0]?.kind, 'aligned')
  assert.equal(overtakes(4, 1), false, 'that was not complete')
  assert.equal(overtakes(5, 4), true)
})
