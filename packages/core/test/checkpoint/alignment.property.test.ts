import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CheckpointBarrier, CheckpointMode } from '../../src/channel/stream-element.ts'
import { BarrierAlignment } from '../../src/checkpoint/alignment.ts'

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
