import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { boundedOutOfOrderness, RejectedInput } from '@millrace/api'
import { NO_TIMESTAMP } from '@millrace/core'
import fc from 'fast-check'
import { freshSplitEntry, type SplitEntry } from '../../src/task/source-driver.ts'
import { asPlain, deadLetter, type ListItem, type ListSourceOptions, listSource, splitsOf } from './list-source.ts'
import { type Fed, SourceRun } from './source-run.ts'

const BOUND_MS = 5
const watermarks = boundedOutOfOrderness<ListItem>('5 ms', ({ at }) => at)

/** Timestamps that stay within the bound; some items are rejected. */
const list = (split: number): fc.Arbitrary<(ListItem | RejectedInput)[]> =>
  fc.array(fc.tuple(fc.nat(4), fc.nat(BOUND_MS), fc.nat(9)), { maxLength: 40 }).map((rows) => {
    let highest = 100
    return rows.map(([ahead, behind, fate], n) => {
      highest += ahead
      const at = Math.max(highest - behind, 100)
      return fate === 0 ? deadLetter(`${split}:${n}`) : { split: `split ${split}`, at, n }
    })
  })

const cuts = fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }).map((all) => [...all, 3])
const delays = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })
const pieces = fc.infiniteStream(fc.integer({ min: 1, max: 5 }))
const interruptions = fc.array(
  fc.record({ steps: fc.oneof(fc.nat(4), fc.nat(25)), settles: fc.boolean(), cuts, delays }),
  { maxLength: 5 },
)

const run = (splitOrder: 'sequential' | 'interleaved', splitsMax: number) =>
  fc
    .record({
      lists: fc
        .integer({ min: 1, max: splitsMax })
        .chain((count) => fc.tuple(...Array.from({ length: count }, (_, split) => list(split)))),
      splitOrder: fc.constant(splitOrder),
      separateEnd: fc.boolean(),
      isComputed: fc.boolean(),
      watermarkEveryRecords: fc.integer({ min: 1, max: 6 }),
      cuts,
      delays,
      pieces,
      interruptions,
    })
    // A computed record is never a rejected one.
    .map((drawn) => (drawn.isComputed ? { ...drawn, lists: drawn.lists.map(withoutRejected) } : drawn))

const withoutRejected = (items: (ListItem | RejectedInput)[]): ListItem[] =>
  items.filter((item) => !(item instanceof RejectedInput)) as ListItem[]

type Run = ReturnType<typeof run> extends fc.Arbitrary<infer T> ? T : never

interface Attempt {
  readonly fed: readonly Fed[]
  readonly letters: readonly string[]
}

/** Runs to the end through every interruption: each snapshot is restored by the next attempt. */
async function attemptsOf(drawn: Run, interruptions: Run['interruptions']): Promise<Attempt[]> {
  let entries: readonly SplitEntry[] = splitsOf(drawn.lists).map(freshSplitEntry)
  let reading: Pick<ListSourceOptions, 'cuts' | 'delays'> = drawn
  const attempts: Attempt[] = []
  const begin = (): SourceRun => {
    const { lists, splitOrder, separateEnd, isComputed, watermarkEveryRecords } = drawn
    const source = listSource({ lists, splitOrder, separateEnd, isComputed, ...reading })
    return new SourceRun({ source, watermarks: watermarks as never, entries, watermarkEveryRecords })
  }
  for (const { steps, settles, cuts, delays } of interruptions) {
    const attempt = begin()
    await attempt.step(drawn.pieces, steps)
    // What a reader promised may have come without a step since.
    if (settles) await setImmediate()
    entries = asPlain(attempt.driver.snapshot()) as unknown as SplitEntry[]
    attempts.push({ fed: [...attempt.fed], letters: [...attempt.letters] })
    await attempt.driver.close()
    reading = { cuts, delays }
    if (attempt.driver.isEnded && attempt.fed.at(-1)?.kind === 'end') return attempts
  }
  const last = begin()
  await last.step(drawn.pieces)
  attempts.push(last)
  return attempts
}

function checkDelivery({ lists }: Run, attempts: readonly Attempt[]): void {
  const records = attempts.flatMap(({ fed }) => fed.flatMap((each) => (each.kind === 'record' ? [each.record] : [])))
  lists.forEach((items, split) => {
    const expected = items.filter((item) => !(item instanceof RejectedInput))
    const own = records.filter((record) => (record as ListItem).split === `split ${split}`)
    assert.deepEqual(own, expected)
  })
  const letters = lists.flat().flatMap((item) => (item instanceof RejectedInput ? [item.letter.raw] : []))
  assert.deepEqual(attempts.flatMap((attempt) => attempt.letters).sort(), letters.sort())
}

/** Watermarks advance, allow for every record that follows, and come again first after a restore. */
function checkWatermarks(attempts: readonly Attempt[], isInTime: boolean): void {
  let last = NO_TIMESTAMP
  for (const { fed } of attempts) {
    const before = last
    let own = NO_TIMESTAMP
    for (const each of fed) {
      if (each.kind === 'record') {
        assert.ok(own >= before, `a record before the watermark ${before} came again`)
        if (isInTime) assert.ok(each.at > last, `a record at ${each.at} behind the watermark ${last}`)
      }
      if (each.kind !== 'watermark') continue
      assert.ok(each.at > own && each.at >= before, `the watermark ${each.at} after ${own}, restored after ${before}`)
      own = each.at
      last = Math.max(last, own)
    }
  }
}

/** All that was fed; a watermark that comes again after a restore is there once. */
function joined(attempts: readonly Attempt[]): Fed[] {
  const all: Fed[] = []
  let watermark = NO_TIMESTAMP
  for (const each of attempts.flatMap(({ fed }) => fed)) {
    if (each.kind === 'watermark' && each.at <= watermark) continue
    if (each.kind === 'watermark') watermark = each.at
    all.push(each)
  }
  return all
}

for (const { name, splitOrder, splitsMax, isDeterministic } of [
  { name: 'one split', splitOrder: 'interleaved', splitsMax: 1, isDeterministic: true },
  { name: 'splits one after the other', splitOrder: 'sequential', splitsMax: 4, isDeterministic: true },
  { name: 'splits side by side', splitOrder: 'interleaved', splitsMax: 4, isDeterministic: false },
] as const) {
  test(`${name}: every record once, in order, through any restores`, async () => {
    await fc.assert(
      fc.asyncProperty(run(splitOrder, splitsMax), async (drawn) => {
        const attempts = await attemptsOf(drawn, drawn.interruptions)
        checkDelivery(drawn, attempts)
        // One after the other, the lists begin anew at their first timestamp.
        checkWatermarks(attempts, splitOrder === 'interleaved')
        if (!isDeterministic) return
        const undisturbed = await attemptsOf({ ...drawn, cuts: [4], delays: [false] }, [])
        assert.deepEqual(joined(attempts), joined(undisturbed))
      }),
      { numRuns: 300 },
    )
  })
}
