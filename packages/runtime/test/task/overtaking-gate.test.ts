import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InFlightReplay, type InFlightStage, readInFlight, type StreamElement } from '@millrace/core'
import { OvertakingGate, RESTORED_CHANNEL, type RecordedInFlight } from '../../src/task/overtaking-gate.ts'
import { BoundedChannel } from './bounded-channel.ts'
import { barrier, batchOf } from './task-run.ts'

const watermark = (timestamp: number): StreamElement => ({ kind: 'watermark', timestamp })

interface Limits {
  /** An element of the channels counts as one byte. */
  readonly readAheadBytesMax?: number
  readonly inFlightBytesMax?: number
}

function open(channels: number, restored: readonly InFlightStage[] = [], limits: Limits = {}) {
  const inputs = Array.from({ length: channels }, () => new BoundedChannel())
  const gate = new OvertakingGate(inputs, {
    channels: inputs.map((_, fromSubtask) => ({ from: 'up', fromSubtask, isKeyed: false })),
    operatorUid: 'count',
    mode: 'exactly-once',
    overtaking: { timeoutMs: 0, mayOvertake: inputs.map(() => true) },
    replay: restored.length === 0 ? undefined : new InFlightReplay(restored),
    readAheadBytesMax: Number.POSITIVE_INFINITY,
    ...limits,
  })
  return { inputs: inputs as [BoundedChannel, BoundedChannel], gate }
}

function give(channel: BoundedChannel, ...elements: StreamElement[]): void {
  for (const element of elements) {
    if (element.kind === 'barrier') channel.announce(element)
    channel.offer(element)
  }
}

/** Takes what may be taken; watermarks are merged as the task does it. */
function read(gate: OvertakingGate, most = Number.POSITIVE_INFINITY): unknown[] {
  const seen: unknown[] = []
  while (seen.length < most) {
    const element = gate.poll()
    if (element === undefined) break
    if (element.kind === 'batch') seen.push(...element.batch.records)
    else seen.push(element.kind === 'watermark' ? `watermark ${element.timestamp}` : element.kind)
    if (gate.lastChannel === RESTORED_CHANNEL) continue
    if (element.kind === 'watermark') gate.merge.onWatermark(gate.lastChannel, element.timestamp)
    if (element.kind === 'status') gate.merge.onStatus(gate.lastChannel, element.idle)
    if (element.kind === 'barrier') gate.onBarrier(element, 0)
  }
  return seen
}

/** The decision and the beginning of the snapshot, as the task does both. */
function overtake(gate: OvertakingGate): Promise<RecordedInFlight> {
  gate.hearAnnouncements()
  const [action] = gate.alignment.decideOvertaking(1_000)
  assert.ok(action?.kind === 'overtakes')
  return gate.beginRecording(action.barrier, action.pending)
}

function recordAll(gate: OvertakingGate): void {
  while (gate.record()) {}
}

const stagesOf = ({ bytes }: RecordedInFlight): readonly InFlightStage[] =>
  bytes === undefined ? [] : readInFlight(bytes).stages
const elementsOf = (recorded: RecordedInFlight): unknown =>
  stagesOf(recorded).map((stage) =>
    stage.map(({ elements }) =>
      elements.map((element) => (element.kind === 'batch' ? element.batch.records.join() : JSON.stringify(element))),
    ),
  )

describe('OvertakingGate', () => {
  it('records what is before the barrier, and the task works it off all the same, in its order', async () => {
    const { inputs, gate } = open(2)
    give(inputs[0], batchOf('a1'), batchOf('a2'), barrier(1), batchOf('a3'))
    give(inputs[1], batchOf('b1'), barrier(1))
    assert.deepEqual(read(gate, 1), ['a1'])
    const recorded = overtake(gate)
    recordAll(gate)
    assert.deepEqual(elementsOf(await recorded), [[['a2'], ['b1']]])
    assert.deepEqual((await recorded).from, ['up'])
    assert.deepEqual(read(gate), ['b1', 'a2', 'a3'])
  })

  it('says first how far each channel was, also one that had brought its barrier', async () => {
    const { inputs, gate } = open(2)
    give(inputs[0], watermark(10), { kind: 'status', idle: true }, barrier(1))
    give(inputs[1], watermark(5))
    read(gate)
    give(inputs[1], batchOf('b1'), watermark(7), barrier(1))
    const recorded = overtake(gate)
    recordAll(gate)
    const status = '{"kind":"status","idle":true}'
    assert.deepEqual(elementsOf(await recorded), [
      [
        ['{"kind":"watermark","timestamp":10}', status],
        ['{"kind":"watermark","timestamp":5}', 'b1', '{"kind":"watermark","timestamp":7}'],
      ],
    ])
  })

  it('stores nothing where no record is in flight: senders say again how far they are', async () => {
    const { inputs, gate } = open(1)
    give(inputs[0], watermark(10), barrier(1))
    const recorded = overtake(gate)
    recordAll(gate)
    assert.deepEqual(await recorded, { bytes: undefined, records: 0, from: [] })
    assert.deepEqual(read(gate), ['watermark 10'])
  })

  it('waits for a barrier that is still on its way, and reads nothing past what it records', async () => {
    const { inputs, gate } = open(1)
    inputs[0].announce(barrier(1))
    give(inputs[0], batchOf('a1'))
    const recorded = overtake(gate)
    assert.deepEqual(read(gate), [], 'not before it is recorded')
    recordAll(gate)
    assert.deepEqual(read(gate), ['a1'])
    inputs[0].offer(batchOf('a2'))
    inputs[0].offer(barrier(1))
    inputs[0].offer(batchOf('a3'))
    recordAll(gate)
    assert.deepEqual(elementsOf(await recorded), [[['a1', 'a2']]])
    assert.deepEqual(read(gate), ['a2', 'a3'])
  })

  it('holds a channel back until what it took out is worked off', () => {
    const { inputs, gate } = open(1)
    give(inputs[0], batchOf('a1'), batchOf('a2'), barrier(1))
    void overtake(gate)
    assert.equal(inputs[0].isHeldBack, true)
    recordAll(gate)
    assert.equal(gate.queuedBytes, 2)
    assert.equal(gate.readBytes, 1, 'the barrier')
    read(gate, 1)
    assert.equal(inputs[0].isHeldBack, true)
    read(gate, 1)
    assert.equal(inputs[0].isHeldBack, false)
    assert.equal(gate.queuedBytes, 0)
    assert.equal(gate.readBytes, 3)
  })

  it('records again what is not worked off when the next barrier overtakes', async () => {
    const { inputs, gate } = open(1)
    give(inputs[0], batchOf('a1'), batchOf('a2'), barrier(1))
    void overtake(gate)
    recordAll(gate)
    read(gate, 1)
    give(inputs[0], batchOf('a3'), barrier(2))
    const recorded = overtake(gate)
    recordAll(gate)
    assert.deepEqual(elementsOf(await recorded), [[['a2', 'a3']]])
    assert.deepEqual(read(gate), ['a2', 'a3'])
  })

  it('records what the task put back before all else, and gives it again in its place', async () => {
    const { inputs, gate } = open(2)
    give(inputs[0], batchOf('a1', 'a2', 'a3'), batchOf('a4'), barrier(1))
    give(inputs[1], barrier(1))
    const taken = gate.poll()
    assert.ok(taken?.kind === 'batch' && gate.mayPutBack && !gate.isRepeated)
    gate.putBack({ records: ['a2', 'a3'], timestamps: [0, 0], keyHashes: undefined })
    assert.equal(inputs[0].isHeldBack, true)
    const recorded = overtake(gate)
    recordAll(gate)
    assert.deepEqual(elementsOf(await recorded), [[['a2,a3', 'a4'], []]])
    const again = gate.poll()
    assert.ok(again?.kind === 'batch')
    assert.deepEqual([again.batch.records, gate.isRepeated], [['a2', 'a3'], true])
    assert.deepEqual(read(gate), ['a4'])
    assert.deepEqual([gate.isRepeated, inputs[0].isHeldBack], [false, false])
  })

  it('works off what was restored before anything else, and records what is left of it before the rest', async () => {
    const section = { from: 'up', fromSubtask: 3, isKeyed: false }
    const elements = [watermark(4), batchOf('r1'), batchOf('r2')] as InFlightStage[number]['elements']
    const { inputs, gate } = open(1, [[{ ...section, elements }]])
    give(inputs[0], batchOf('a1'), barrier(1))
    assert.deepEqual(read(gate, 2), ['watermark 4', 'r1'])
    assert.equal(gate.lastChannel, RESTORED_CHANNEL)
    assert.equal(gate.mayPutBack, false)
    const recorded = overtake(gate)
    recordAll(gate)
    assert.deepEqual(elementsOf(await recorded), [[['{"kind":"watermark","timestamp":4}', 'r2']], [['a1']]])
    assert.equal(stagesOf(await recorded)[0]?.[0]?.fromSubtask, 3)
    assert.deepEqual(read(gate), ['r2', 'a1'])
  })

  it('loses nothing when the checkpoint is given up while it records', async () => {
    const { inputs, gate } = open(1)
    inputs[0].announce(barrier(1))
    give(inputs[0], batchOf('a1'))
    const recorded = overtake(gate)
    recordAll(gate)
    gate.alignment.onAbort(1)
    gate.abortRecording(1)
    await assert.rejects(recorded, { code: 'CHECKPOINT_DECLINED' })
    inputs[0].offer(batchOf('a2'))
    inputs[0].offer(barrier(1))
    assert.equal(gate.record(), false)
    assert.deepEqual(read(gate), ['a1', 'a2', 'barrier'])
    assert.equal(inputs[0].isHeldBack, false)
  })

  it('passes over barriers of checkpoints that were given up', async () => {
    const { inputs, gate } = open(1)
    give(inputs[0], barrier(1), batchOf('a1'), barrier(2))
    gate.alignment.onAbort(1)
    const recorded = overtake(gate)
    recordAll(gate)
    assert.deepEqual(elementsOf(await recorded), [[['a1']]])
  })

  it('reads ahead up to its budget, and on as the task works off; what it stores is all of it', async () => {
    const { inputs, gate } = open(2, [], { readAheadBytesMax: 3 })
    give(inputs[0], batchOf('a1'), batchOf('a2'), batchOf('a3'), batchOf('a4'), barrier(1), batchOf('a5'))
    give(inputs[1], batchOf('b1'), batchOf('b2'), barrier(1))
    const recorded = overtake(gate)
    let most = 0
    const seen: unknown[] = []
    for (let turn = 0; turn < 20; turn++) {
      recordAll(gate)
      most = Math.max(most, gate.queuedBytes - inputs[0].queuedBytes - inputs[1].queuedBytes)
      seen.push(...read(gate, 1))
    }
    assert.equal(most, 3, 'elements that were kept at once')
    assert.deepEqual(elementsOf(await recorded), [
      [
        ['a1', 'a2', 'a3', 'a4'],
        ['b1', 'b2'],
      ],
    ])
    const of = (channel: string): unknown[] => seen.filter((record) => String(record).startsWith(channel))
    assert.deepEqual(
      [of('a'), of('b')],
      [
        ['a1', 'a2', 'a3', 'a4', 'a5'],
        ['b1', 'b2'],
      ],
    )
    assert.deepEqual([inputs[0].isHeldBack, inputs[1].isHeldBack, gate.queuedBytes], [false, false, 0])
  })

  it('declines a checkpoint whose data in flight are more than may be stored, and loses nothing', async () => {
    const { inputs, gate } = open(1, [], { inFlightBytesMax: 100 })
    give(inputs[0], batchOf('x'.repeat(50)), batchOf('y'.repeat(80)), batchOf('z'), barrier(1))
    const recorded = overtake(gate)
    recordAll(gate)
    await assert.rejects(recorded, {
      code: 'CHECKPOINT_DECLINED',
      message:
        'More than 100 bytes are in flight to "count", the last of them from "up" (subtask 0): barriers are aligned there until a checkpoint is complete',
    })
    assert.deepEqual(read(gate), ['x'.repeat(50), 'y'.repeat(80), 'z', 'barrier'])
    assert.equal(inputs[0].isHeldBack, false)
  })

  for (const [when, isKept] of [
    ['while it is read', false],
    ['after an earlier barrier had overtaken it', true],
  ] as const) {
    it(`declines the checkpoint by a record that cannot be stored ${when}, and is aligned until one is complete`, async () => {
      const record: { n: number; bad?: () => void } = { n: 1 }
      const { inputs, gate } = open(2)
      const pass = (id: number, lastCompletedId: number, ...records: unknown[]): void => {
        give(inputs[0], ...records.map((each) => batchOf(each)), barrier(id, 'checkpoint', lastCompletedId))
        give(inputs[1], barrier(id, 'checkpoint', lastCompletedId))
      }
      give(inputs[0], batchOf('a1'), barrier(1))
      give(inputs[1], batchOf('b1'), batchOf(record), batchOf('b2'), barrier(1))
      if (isKept) {
        const stored = overtake(gate)
        recordAll(gate)
        await stored
        pass(2, 1)
      }
      record.bad = () => {}
      const declined = overtake(gate)
      recordAll(gate)
      await assert.rejects(declined, {
        code: 'CHECKPOINT_DECLINED',
        message:
          /^A record in flight from "up" \(subtask 1\) to "count" cannot be stored, and barriers are aligned there until a checkpoint is complete: .*function/,
      })
      const seen = read(gate).filter((each) => each !== 'barrier')
      assert.deepEqual(new Set(seen), new Set(['a1', 'b1', record, 'b2']))
      assert.ok(seen.indexOf('b1') < seen.indexOf(record) && seen.indexOf(record) < seen.indexOf('b2'))
      assert.deepEqual([inputs[0].isHeldBack, inputs[1].isHeldBack], [false, false])
      pass(3, isKept ? 1 : 0, 'a2')
      gate.hearAnnouncements()
      assert.deepEqual(gate.alignment.decideOvertaking(1_000), [])
      assert.deepEqual(read(gate).toSorted(), ['a2', 'barrier', 'barrier'])
      pass(4, 3, 'a3')
      const next = overtake(gate)
      recordAll(gate)
      assert.deepEqual(elementsOf(await next), [[['a3'], []]])
    })
  }
})
