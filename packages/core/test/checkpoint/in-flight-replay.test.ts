import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { InFlightElement, InFlightSection } from '../../src/checkpoint/in-flight.ts'
import { InFlightReplay } from '../../src/checkpoint/in-flight-replay.ts'

const batch = (...records: unknown[]): InFlightElement => ({
  kind: 'batch',
  batch: { records, timestamps: records.map(() => 0), keyHashes: undefined },
})
const watermark = (timestamp: number): InFlightElement => ({ kind: 'watermark', timestamp })
const section = (...elements: InFlightElement[]): InFlightSection => ({
  from: 'source',
  fromSubtask: 0,
  isKeyed: false,
  elements,
})

function take(replay: InFlightReplay, most = Number.POSITIVE_INFINITY): unknown[] {
  const taken: unknown[] = []
  while (taken.length < most) {
    const element = replay.next()
    if (element === undefined) break
    if (element.kind === 'batch') taken.push(...element.batch.records)
    else taken.push(`watermark ${element.timestamp}`)
  }
  return taken
}

test('the channel that is least far in event time goes first, and watermarks are merged', () => {
  const ahead = section(watermark(20), batch('a1'), watermark(40), batch('a2'))
  const behind = section(watermark(10), batch('b1'), watermark(30), batch('b2'))
  assert.deepEqual(take(new InFlightReplay([[ahead, behind]])), [
    'watermark 10',
    'b1',
    'watermark 20',
    'a1',
    'watermark 30',
    'b2',
    'a2',
  ])
})

test('a channel that has nothing holds event time where it was; an idle or ended one does not', () => {
  const open = section(watermark(20), batch('a'), watermark(40))
  assert.deepEqual(take(new InFlightReplay([[open, section(watermark(5))]])), ['watermark 5', 'a'])
  assert.deepEqual(take(new InFlightReplay([[open, section()]])), ['a'])
  const idle = section(watermark(5), { kind: 'status', idle: true })
  assert.deepEqual(take(new InFlightReplay([[open, idle]])), ['watermark 5', 'watermark 20', 'a', 'watermark 40'])
  const ended = section({ kind: 'end' })
  assert.deepEqual(take(new InFlightReplay([[open, ended]])), ['watermark 20', 'a', 'watermark 40'])
})

test('that all have ended is left to the senders', () => {
  assert.deepEqual(take(new InFlightReplay([[section(batch('a'), { kind: 'end' })]])), ['a'])
})

test('a stage is worked off before the next', () => {
  const replay = new InFlightReplay([[section(watermark(50), batch('first'))], [section(batch('second'))]])
  assert.deepEqual(take(replay), ['watermark 50', 'first', 'second'])
})

test('what is left can be taken up later, wherever it was left', () => {
  const elements = (name: string) =>
    fc
      .array(fc.oneof(fc.nat(50).map(watermark), fc.constant(0)), { maxLength: 12 })
      .map((drawn) => drawn.map((each, index) => (each === 0 ? batch(`${name}${index}`) : each)))
  const stages = fc
    .tuple(elements('a'), elements('b'), elements('c'))
    .map(([a, b, c]) => [[section(...a), section(...b)], [section(...c)]])
  fc.assert(
    fc.property(stages, fc.nat(30), (all, most) => {
      const whole = take(new InFlightReplay(all))
      const first = new InFlightReplay(all)
      const before = take(first, most)
      const after = take(new InFlightReplay(first.rest()))
      const records = (taken: unknown[]): unknown[] => taken.filter((each) => !String(each).startsWith('watermark'))
      assert.deepEqual(records([...before, ...after]), records(whole))
      // A watermark may be said again, never one that goes back within a part.
      assert.deepEqual(new Set([...before, ...after]), new Set(whole))
    }),
    { numRuns: 500 },
  )
})

/**
 * One sender tells all receivers the same watermarks. Whatever each had in flight, and whoever works off the parts of two of
 * them, each record meets the event time at which it was sent.
 */
test('records of one sender meet the event time at which they were sent', () => {
  const sent = fc.array(
    fc.oneof(fc.record({ receiver: fc.nat(2) }), fc.record({ step: fc.integer({ min: 1, max: 5 }) })),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(sent, fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40)), (all, readUpTo) => {
      const parts: InFlightElement[][] = [[], [], []]
      let time = 0
      all.forEach((each, index) => {
        if ('step' in each) time += each.step
        parts.forEach((part, receiver) => {
          // What was read before the snapshot only says how far the receiver was.
          const isRead = index < (readUpTo[receiver] as number)
          if ('step' in each) part.splice(0, isRead ? part.length : 0, ...(isRead ? [watermark(time)] : []))
          if ('step' in each && !isRead) part.push(watermark(time))
          if ('receiver' in each && each.receiver === receiver && !isRead) part.push(batch(time))
        })
      })
      let now = 0
      for (const each of take(new InFlightReplay([parts.map((part) => section(...part))]))) {
        if (typeof each === 'string') now = Number(each.slice('watermark '.length))
        else assert.equal(now, each)
      }
    }),
    { numRuns: 1_000 },
  )
})
