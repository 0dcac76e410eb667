import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CheckpointBarrier, CheckpointMode } from '../../src/channel/stream-element.ts'
import { BarrierAlignment, type OvertakingAction } from '../../src/checkpoint/alignment.ts'

/**
 * Channels hold records (numbers) and barriers in ascending order; some channels lack a barrier because its checkpoint
 * was given up upstream. A task reads unblocked channels in random order. What it has read when a checkpoint is aligned
 * is compared with the definition: the records before that barrier on every channel.
 */
type Item = { readonly record: number } | { readonly barrier: number }

const barrierOf = (checkpointId: number): CheckpointBarrier => ({
  kind: 'barrier',
  checkpointId,
  triggeredAtMs: 0,
  lastCompletedId: 0,
  snapshotKind: 'checkpoint',
})

interface Scenario {
  readonly channels: readonly (readonly Item[])[]
  readonly choices: readonly number[]
  readonly aborts: readonly { readonly afterStep: number; readonly id: number }[]
  /** Channels that close when they are read to the end. */
  readonly closing: readonly boolean[]
}

const channelArbitrary = fc
  .array(fc.record({ records: fc.nat(3), barrier: fc.boolean() }), { maxLength: 6 })
  .map((blocks) => {
    const items: Item[] = []
    blocks.forEach(({ records, barrier }, block) => {
      for (let i = 0; i < records; i++) items.push({ record: block * 10 + i })
      if (barrier) items.push({ barrier: block + 1 })
    })
    return items
  })

const scenarioArbitrary: fc.Arbitrary<Scenario> = fc.integer({ min: 1, max: 4 }).chain((count) =>
  fc.record({
    channels: fc.array(channelArbitrary, { minLength: count, maxLength: count }),
    choices: fc.array(fc.nat(1_000), { minLength: 200, maxLength: 200 }),
    aborts: fc.array(fc.record({ afterStep: fc.nat(60), id: fc.integer({ min: 1, max: 6 }) }), { maxLength: 3 }),
    closing: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
  }),
)

function run(scenario: Scenario, mode: CheckpointMode): void {
  const alignment = new BarrierAlignment(scenario.channels.length, mode)
  const positions = scenario.channels.map(() => 0)
  const aborted = new Set<number>()
  const settled = new Set<number>()
  let lastAligned = 0
  const check = (actions: ReturnType<BarrierAlignment['onBarrier']>): void => {
    for (const action of actions) {
      const id = action.kind === 'aligned' ? action.barrier.checkpointId : action.checkpointId
      assert.ok(!settled.has(id), `checkpoint ${id} is settled once`)
      settled.add(id)
      if (action.kind === 'declined') {
        assert.ok(action.supersededBy > id)
        continue
      }
      assert.ok(!aborted.has(id), 'a given-up checkpoint is not aligned')
      assert.ok(id > lastAligned, 'in order')
      lastAligned = id
      scenario.channels.forEach((items, channel) => {
        const at = items.findIndex((item) => 'barrier' in item && item.barrier === id)
        const position = positions[channel] as number
        if (at < 0) {
          assert.equal(position, items.length, 'a channel without the barrier has closed')
          return
        }
        const before = items.slice(0, position).filter((item) => 'record' in item).length
        const expected = items.slice(0, at).filter((item) => 'record' in item).length
        if (mode === 'exactly-once') assert.equal(before, expected)
        else assert.ok(before >= expected)
      })
    }
  }
  scenario.channels.forEach((items, channel) => {
    if (items.length === 0 && scenario.closing[channel] === true) check(alignment.onChannelClosed(channel, 0))
  })
  let step = 0
  for (;;) {
    for (const abort of scenario.aborts) {
      if (abort.afterStep !== step) continue
      alignment.onAbort(abort.id)
      if (!settled.has(abort.id)) aborted.add(abort.id)
    }
    const readable = positions.flatMap((position, channel) => {
      const items = scenario.channels[channel] as readonly Item[]
      return position < items.length && !alignment.isBlocked(channel) ? [channel] : []
    })
    const channel = readable[(scenario.choices[step % scenario.choices.length] as number) % (readable.length || 1)]
    if (channel === undefined) break
    const items = scenario.channels[channel] as readonly Item[]
    const item = items[(positions[channel] as number)++] as Item
    if ('barrier' in item) check(alignment.onBarrier(channel, barrierOf(item.barrier), step))
    if (positions[channel] === items.length && scenario.closing[channel] === true) {
      check(alignment.onChannelClosed(channel, step))
    }
    step++
  }
  // What is still unread waits behind a barrier that some open channel lacks, or nothing is left.
  const open = scenario.channels.findIndex((items, channel) => {
    return positions[channel] === items.length && scenario.closing[channel] !== true
  })
  const isAllRead = scenario.channels.every((items, channel) => positions[channel] === items.length)
  assert.ok(isAllRead || open >= 0, 'a task never blocks itself')
}

test('exactly-once: an aligned snapshot holds exactly the records before its barrier on every input', () => {
  fc.assert(
    fc.property(scenarioArbitrary, (scenario) => run(scenario, 'exactly-once')),
    { numRuns: 1_500 },
  )
})

test('at-least-once: at least those, and nothing ever blocks', () => {
  fc.assert(
    fc.property(scenarioArbitrary, (scenario) => run(scenario, 'at-least-once')),
    { numRuns: 1_500 },
  )
})

interface OvertakingScenario {
  readonly channels: readonly (readonly Item[])[]
  readonly mayOvertake: readonly boolean[]
  /** What happens next: something is sent, read, or looked at, on one of the channels. */
  readonly steps: readonly { readonly kind: 'send' | 'read' | 'look'; readonly channel: number }[]
  readonly timeoutMs: number
  readonly aborts: readonly { readonly afterStep: number; readonly id: number }[]
}

const overtakingArbitrary: fc.Arbitrary<OvertakingScenario> = fc.integer({ min: 1, max: 4 }).chain((count) =>
  fc.record({
    channels: fc.array(channelArbitrary, { minLength: count, maxLength: count }),
    mayOvertake: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
    steps: fc.array(fc.record({ kind: fc.constantFrom('send', 'read', 'look'), channel: fc.nat(count - 1) }), {
      maxLength: 250,
    }),
    timeoutMs: fc.constantFrom(0, 0, 20, 1_000),
    aborts: fc.array(fc.record({ afterStep: fc.nat(60), id: fc.integer({ min: 1, max: 6 }) }), { maxLength: 3 }),
  }),
)

/**
 * A sender announces a barrier when it sends it; the task reads what was sent. Whichever way a checkpoint is taken, what was
 * read and what is in flight have to be the records before its barrier together, on every channel.
 */
function runOvertaking(scenario: OvertakingScenario): number {
  const { channels, mayOvertake, timeoutMs } = scenario
  const alignment = new BarrierAlignment(channels.length, 'exactly-once', { timeoutMs, mayOvertake })
  const sent = channels.map(() => 0)
  const read = channels.map(() => 0)
  const aborted = new Set<number>()
  let lastTaken = 0
  let overtaken = 0
  const recordsUpTo = (channel: number, to: number): number =>
    (channels[channel] ?? []).slice(0, to).filter((item) => 'record' in item).length
  const check = (actions: readonly (OvertakingAction | ReturnType<BarrierAlignment['onBarrier']>[number])[]): void => {
    for (const action of actions) {
      if (action.kind === 'declined') continue
      const id = action.barrier.checkpointId
      assert.ok(!aborted.has(id), 'a given-up checkpoint is not taken')
      assert.ok(id > lastTaken, 'in order, and once')
      lastTaken = id
      channels.forEach((items, channel) => {
        const at = items.findIndex((item) => 'barrier' in item && item.barrier === id)
        const position = read[channel] as number
        if (action.kind === 'aligned' || !action.pending.includes(channel)) {
          assert.equal(recordsUpTo(channel, position), recordsUpTo(channel, at), 'read up to the barrier')
          return
        }
        assert.ok(mayOvertake[channel], 'nothing is overtaken where it must not be')
        assert.ok(position <= at && (sent[channel] as number) > at, 'the barrier is on its way and was not read')
        // The gate takes out what is before the barrier, and the barrier; the task reads it later, and reads on behind it.
        read[channel] = at + 1
        overtaken++
      })
    }
  }
  const look = (nowMs: number): void => {
    const dueMs = alignment.overtakingDueMs
    const actions = alignment.decideOvertaking(nowMs)
    check(actions)
    const overtakes = actions.some(({ kind }) => kind === 'overtakes')
    assert.equal(overtakes, dueMs !== undefined && nowMs >= dueMs, 'overtakes when it said so, and only then')
    assert.ok(alignment.overtakingDueMs === undefined || alignment.overtakingDueMs > nowMs, 'nothing is put off')
  }
  scenario.steps.forEach(({ kind, channel }, step) => {
    for (const { afterStep, id } of scenario.aborts) {
      if (afterStep !== step) continue
      alignment.onAbort(id)
      if (id > lastTaken) aborted.add(id)
    }
    const items = channels[channel] as readonly Item[]
    if (kind === 'look') look(step)
    else if (kind === 'send') {
      const item = items[(sent[channel] as number)++]
      if (item !== undefined && 'barrier' in item) alignment.onAnnounced(channel, barrierOf(item.barrier))
    } else if (!alignment.isBlocked(channel) && (read[channel] as number) < (sent[channel] as number)) {
      const item = items[(read[channel] as number)++]
      if (item !== undefined && 'barrier' in item) check(alignment.onBarrier(channel, barrierOf(item.barrier), step))
    }
  })
  return overtaken
}

test('unaligned, and aligned for a while: what was read and what is in flight are the records before the barrier', () => {
  let overtaken = 0
  fc.assert(
    fc.property(overtakingArbitrary, (scenario) => {
      overtaken += runOvertaking(scenario)
    }),
    { numRuns: 3_000 },
  )
  assert.ok(overtaken > 0, 'no barrier has overtaken anything')
})
