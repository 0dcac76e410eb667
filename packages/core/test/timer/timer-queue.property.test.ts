/** Timers against a sorted list: registered and deleted from records and while firing, with short turns and restores. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type } from '@millrace/api'
import { createOperator } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import fc from 'fast-check'
import { nodeOf } from '../operator/operator-nodes.ts'

/** What a record or a firing timer does: registers and deletes timers of its key, relative to its own time. */
interface Plan {
  readonly register: readonly number[]
  readonly remove: readonly number[]
}

const plans: fc.Arbitrary<Plan> = fc.record({
  register: fc.array(fc.integer({ min: -6, max: 15 }), { maxLength: 3 }),
  remove: fc.array(fc.integer({ min: -6, max: 15 }), { maxLength: 2 }),
})

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('record' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        at: fc.integer({ min: 0, max: 40 }),
        plan: plans,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('watermark' as const), by: fc.integer({ min: 1, max: 12 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  ),
  { maxLength: 40 },
)

/** What timers do is decided by how many have fired, so that the firing order matters; the plans run out. */
class Calls {
  readonly fired: string[] = []
  readonly #plans: readonly Plan[]

  constructor(list: readonly Plan[]) {
    this.#plans = list
  }

  onTimer(key: string, at: number, register: (time: number) => void, remove: (time: number) => void): void {
    const plan = this.#plans[this.fired.length]
    this.fired.push(`${key}@${at}`)
    for (const offset of plan?.register ?? []) register(at + offset)
    for (const offset of plan?.remove ?? []) remove(at + offset)
  }
}

class Recomputation {
  readonly calls: Calls
  readonly #timers = new Set<string>()

  constructor(calls: Calls) {
    this.calls = calls
  }

  register(key: string, at: number): void {
    this.#timers.add(`${at}/${key}`)
  }

  remove(key: string, at: number): void {
    this.#timers.delete(`${at}/${key}`)
  }

  /** Of timers at the same time, the one that `fired` names comes next, if it is due. */
  watermark(to: number, fired: readonly string[]): void {
    for (;;) {
      const times = [...this.#timers].map((timer) => Number(timer.split('/')[0])).filter((time) => time <= to)
      if (times.length === 0) return
      const at = Math.min(...times)
      const next = fired[this.calls.fired.length]
      const key = next?.split('@')[0] ?? ''
      assert.equal(next, `${key}@${at}`, 'not the earliest timer')
      assert.ok(this.#timers.delete(`${at}/${key}`), `${next} was not registered`)
      this.calls.onTimer(
        key,
        at,
        (time) => this.register(key, time),
        (time) => this.remove(key, time),
      )
    }
  }
}

describe('timers against a list', () => {
  it('fire all that is due, in order, and nothing else', () => {
    fc.assert(
      fc.property(
        steps,
        fc.array(plans, { maxLength: 30 }),
        fc.record({ outputRoomRecords: fc.constantFrom(1, 1_000), unitsPerTurn: fc.constantFrom(1, 2, 1_000) }),
        (list, timerPlans, options) => {
          const calls = new Calls(timerPlans)
          const expected = new Recomputation(new Calls(timerPlans))
          const open = (more: OperatorHarnessOptions = {}) =>
            new OperatorHarness(
              createOperator(
                nodeOf({
                  kind: 'keyedProcess',
                  key: { kind: 'field', field: 'key' },
                  fn: {
                    emits: type(),
                    onRecord({ at, plan }: { at: number; plan: Plan }, ctx) {
                      for (const offset of plan.register) ctx.timers.eventTime(at + offset)
                      for (const offset of plan.remove) ctx.timers.deleteEventTime(at + offset)
                    },
                    onTimer(at, ctx) {
                      calls.onTimer(ctx.key, at, ctx.timers.eventTime, ctx.timers.deleteEventTime)
                      ctx.emit(at)
                    },
                  },
                }),
              ),
              { ...options, ...more },
            )
          let harness = open()
          let watermark = -5
          for (const step of [...list, { kind: 'watermark' as const, by: 1_000 }]) {
            if (step.kind === 'record') {
              const { key, at, plan } = step
              harness.processRecord(step, at)
              for (const offset of plan.register) expected.register(key, at + offset)
              for (const offset of plan.remove) expected.remove(key, at + offset)
            } else if (step.kind === 'watermark') {
              watermark += step.by
              harness.advanceWatermark(watermark)
              expected.watermark(watermark, calls.fired)
              assert.deepEqual(calls.fired, expected.calls.fired)
            } else {
              harness = open({ restore: harness.snapshot() })
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
