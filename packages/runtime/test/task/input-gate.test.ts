import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CheckpointBarrier, StreamElement } from '@millrace/core'
import { InputGate } from '../../src/task/input-gate.ts'
import { BoundedChannel } from './bounded-channel.ts'

const batch = (record: unknown): StreamElement => ({
  kind: 'batch',
  batch: { records: [record], timestamps: [0], keyHashes: undefined },
})
const barrier = (checkpointId: number): CheckpointBarrier => ({
  kind: 'barrier',
  checkpointId,
  triggeredAtMs: 0,
  lastCompletedId: 0,
  snapshotKind: 'checkpoint',
})

function open(mode: 'exactly-once' | 'at-least-once', ...contents: StreamElement[][]) {
  const channels = contents.map((elements) => {
    const channel = new BoundedChannel()
    for (const element of elements) channel.offer(element)
    return channel
  })
  return new InputGate(channels, mode)
}

/** Reads until nothing may be read; barriers are told to the alignment. */
function read(gate: InputGate): unknown[] {
  const seen: unknown[] = []
  for (let element = gate.poll(); element !== undefined; element = gate.poll()) {
    if (element.kind === 'batch') seen.push(element.batch.records[0])
    if (element.kind !== 'barrier') continue
    for (const action of gate.onBarrier(element, 0)) {
      seen.push(
        action.kind === 'aligned' ? `aligned ${action.barrier.checkpointId}` : `declined ${action.checkpointId}`,
      )
    }
  }
  return seen
}

describe('InputGate', () => {
  it('reads its channels in turn', () => {
    const gate = open('exactly-once', [batch('a1'), batch('a2')], [batch('b1')], [batch('c1'), batch('c2')])
    assert.deepEqual(read(gate), ['a1', 'b1', 'c1', 'a2', 'c2'])
  })

  it('does not read behind a barrier until all channels have brought it', () => {
    const first = [batch('a1'), barrier(1), batch('a2')]
    const gate = open('exactly-once', first, [batch('b1'), batch('b2'), barrier(1), batch('b3')])
    const seen = read(gate)
    assert.deepEqual(seen.slice(0, 4).sort(), ['a1', 'aligned 1', 'b1', 'b2'])
    assert.equal(seen[3], 'aligned 1')
    assert.deepEqual(seen.slice(4).sort(), ['a2', 'b3'])
  })

  it('reads on when the checkpoint is given up', () => {
    const gate = open('exactly-once', [barrier(1), batch('a1')], [batch('b1')])
    assert.deepEqual(read(gate), ['b1'])
    gate.alignment.onAbort(1)
    assert.deepEqual(read(gate), ['a1'])
  })

  it('holds nothing back in at-least-once mode', () => {
    const gate = open('at-least-once', [barrier(1), batch('a1')], [batch('b1'), barrier(1)])
    assert.deepEqual(read(gate).sort(), ['a1', 'aligned 1', 'b1'])
  })

  it('merges watermarks over the channels that have not ended', () => {
    const gate = open(
      'exactly-once',
      [{ kind: 'watermark', timestamp: 5 }, { kind: 'end' }],
      [{ kind: 'watermark', timestamp: 3 }, { kind: 'end' }],
    )
    gate.poll()
    gate.merge.onWatermark(gate.lastChannel, 5)
    gate.poll()
    gate.merge.onWatermark(gate.lastChannel, 3)
    assert.equal(gate.merge.merged, 3)
    gate.poll()
    assert.equal(gate.onEnd(), false)
    gate.poll()
    assert.equal(gate.onEnd(), true)
  })

  it('counts what waits in all channels', () => {
    assert.equal(open('exactly-once', [batch(1)], [batch(1), batch(2)]).queuedBytes, 3)
  })
})
