import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { NO_TIMESTAMP, WATERMARK_MAX, WatermarkMerge } from '../../src/index.ts'

type Event =
  | { readonly kind: 'watermark'; readonly input: number; readonly at: number }
  | { readonly kind: 'status'; readonly input: number; readonly idle: boolean }
  | { readonly kind: 'end'; readonly input: number }

const events = (inputs: number): fc.Arbitrary<Event[]> => {
  const input = fc.nat(inputs - 1)
  return fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant('watermark' as const), input, at: fc.integer({ min: -9, max: 9 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('status' as const), input, idle: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), input }) },
    ),
    { maxLength: 30 },
  )
}

/** Recomputed from everything that happened so far. */
function modelOf(inputs: number, happened: readonly Event[]): { merged: number; isIdle: boolean; isEnded: boolean } {
  let merged = NO_TIMESTAMP
  let states: string[] = []
  for (let length = 0; length <= happened.length; length++) {
    const past = happened.slice(0, length)
    const highest = Array.from({ length: inputs }, () => NO_TIMESTAMP)
    states = highest.map(() => 'active')
    for (const event of past) {
      if (event.kind === 'end') states[event.input] = 'ended'
      else if (event.kind === 'watermark') highest[event.input] = Math.max(highest[event.input] as number, event.at)
      else if (states[event.input] !== 'ended') states[event.input] = event.idle ? 'idle' : 'active'
    }
    const holding = highest.filter((_, input) => states[input] === 'active')
    if (holding.length > 0) merged = Math.max(merged, Math.min(...holding))
    else if (states.every((state) => state === 'ended')) merged = WATERMARK_MAX
  }
  return {
    merged,
    isIdle: !states.includes('active') && states.includes('idle'),
    isEnded: states.every((state) => state === 'ended'),
  }
}

it('is the highest minimum so far over the inputs that hold event time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }).chain((inputs) => fc.tuple(fc.constant(inputs), events(inputs))),
      ([inputs, happening]) => {
        const merge = new WatermarkMerge(inputs)
        happening.forEach((event, index) => {
          const before = merge.merged
          const advanced =
            event.kind === 'watermark'
              ? merge.onWatermark(event.input, event.at)
              : event.kind === 'status'
                ? merge.onStatus(event.input, event.idle)
                : merge.onEnd(event.input)
          const { merged, isIdle, isEnded } = merge
          assert.equal(advanced, merged > before)
          assert.deepEqual({ merged, isIdle, isEnded }, modelOf(inputs, happening.slice(0, index + 1)))
        })
      },
    ),
  )
})

it('without inputs nothing is held', () => {
  const merge = new WatermarkMerge(0)
  assert.equal(merge.merged, WATERMARK_MAX)
  assert.equal(merge.isEnded, true)
})
