import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type KeyedProcessFunction,
  min,
  type SideOutputs,
  type StateDeclarations,
  type StateDescriptor,
  type,
} from '@millrace/api'
import { createOperator } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import { nodeOf, nullFromThree, sumInPlace } from './operator-nodes.ts'

// biome-ignore lint/suspicious/noExplicitAny: functions of every kind of state and record
type AnyFunction = KeyedProcessFunction<any, any, any, any, SideOutputs>

const open = (fn: AnyFunction, options: OperatorHarnessOptions = {}) =>
  new OperatorHarness(
    createOperator(
      nodeOf({ kind: 'keyedProcess', key: { kind: 'field', field: 'key' }, fn: { emits: type(), ...fn } as never }),
    ),
    options,
  )

const state = (kind: 'value' | 'list' | 'map', ttlMs?: number): StateDescriptor => ({ kind, version: 1, ttlMs })
const records = (harness: OperatorHarness) => harness.drainOutput().map(({ record }) => record)

/** Registers the timers that a record asks for, and says when they fire. */
const timerFunction: AnyFunction = {
  onRecord({ at = [], drop = [] }: { at?: number[]; drop?: number[] }, ctx) {
    for (const time of at) ctx.timers.eventTime(time)
    for (const time of drop) ctx.timers.deleteEventTime(time)
  },
  onTimer(at, ctx) {
    ctx.emit(`${ctx.key}@${at}`)
  },
}

describe('keyedProcess: event-time timers', () => {
  it('fire in time order when the watermark reaches them, with their timestamp', () => {
    const harness = open(timerFunction)
    harness.processRecord({ key: 'a', at: [30, 10] }, 1)
    harness.processRecord({ key: 'b', at: [20, 10] }, 2)
    harness.advanceWatermark(9)
    assert.deepEqual(harness.output, [])
    harness.advanceWatermark(20)
    const fired = harness.drainOutput() as { readonly record: string; readonly timestamp: number }[]
    assert.deepEqual(
      fired.map(({ timestamp }) => timestamp),
      [10, 10, 20],
    )
    // Those of one time are in no particular order.
    assert.deepEqual(fired.map(({ record }) => record).sort(), ['a@10', 'b@10', 'b@20'])
    harness.end()
    assert.deepEqual(records(harness), ['a@30'])
  })

  it('fire once, however often registered, and not when deleted', () => {
    const harness = open(timerFunction)
    harness.processRecord({ key: 'a', at: [5, 5] }, 1)
    harness.processRecord({ key: 'a', at: [5, 6] }, 1)
    harness.processRecord({ key: 'b', at: [5] }, 1)
    harness.processRecord({ key: 'b', drop: [5, 99] }, 1)
    harness.end()
    assert.deepEqual(records(harness), ['a@5', 'a@6'])
    assert.equal(
      harness.backend.usage().every(({ entries }) => entries === 0),
      true,
    )
  })

  it('that are due when they are registered fire with the next watermark', () => {
    const harness = open(timerFunction)
    harness.advanceWatermark(100)
    harness.processRecord({ key: 'a', at: [50, 100] }, 1)
    assert.deepEqual(records(harness), [])
    harness.advanceWatermark(101)
    assert.deepEqual(records(harness), ['a@50', 'a@100'])
  })

  it('that are registered while firing fire in the same advance, earlier ones first', () => {
    const harness = open({
      onRecord(_record, ctx) {
        ctx.timers.eventTime(10)
      },
      onTimer(at, ctx) {
        ctx.emit(`${ctx.key}@${at}`)
        if (at === 10 && ctx.key === 'a') for (const time of [4, 7, 12, 30]) ctx.timers.eventTime(time)
        if (at === 4) ctx.timers.eventTime(3)
      },
    })
    for (const key of ['a', 'b']) harness.processRecord({ key }, 1)
    harness.advanceWatermark(20)
    const fired = records(harness)
    assert.deepEqual(
      fired.filter((timer) => timer !== 'b@10'),
      ['a@10', 'a@4', 'a@3', 'a@7', 'a@12'],
    )
    assert.ok(fired.indexOf('b@10') >= 0 && fired.indexOf('b@10') < fired.indexOf('a@12'))
    harness.end()
    assert.deepEqual(records(harness), ['a@30'])
  })

  it('can register themselves again, and be deleted by an earlier one of the same key', () => {
    let rounds = 0
    const harness = open({
      onRecord(_record, ctx) {
        ctx.timers.eventTime(10)
        ctx.timers.eventTime(11)
      },
      onTimer(at, ctx) {
        ctx.emit(at)
        if (rounds++ < 2) ctx.timers.eventTime(at)
        else ctx.timers.deleteEventTime(11)
      },
    })
    harness.processRecord({ key: 'a' }, 1)
    harness.advanceWatermark(20)
    assert.deepEqual(records(harness), [10, 10, 10])
  })

  it('survive a restore', () => {
    const first = open(timerFunction)
    first.processRecord({ key: 'a', at: [10, 20] }, 1)
    first.snapshot()
    first.advanceWatermark(10)
    const second = open(timerFunction, { restore: first.snapshot() })
    second.end()
    assert.deepEqual(records(second), ['a@20'])
  })

  it('lose and repeat nothing with a small output and short turns', () => {
    const run = (options: OperatorHarnessOptions) => {
      const harness = open(timerFunction, options)
      for (let i = 0; i < 50; i++) harness.processRecord({ key: `k${i % 5}`, at: [i % 7, i] }, i)
      harness.advanceWatermark(6)
      harness.end()
      return records(harness)
    }
    const whole = run({})
    assert.equal(new Set(whole).size, whole.length)
    assert.deepEqual(run({ outputRoomRecords: 1 }), whole)
    assert.deepEqual(run({ unitsPerTurn: 1 }), whole)
  })

  it('refuse what is no time, and functions without onTimer', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, undefined]) {
      const harness = open(timerFunction, { name: 'alarm' })
      assert.throws(() => harness.processRecord({ key: 'a', at: [time] }, 1), {
        code: 'TIMESTAMP_INVALID',
        message: /alarm/,
      })
    }
    const harness = open({ onRecord: (_record, ctx) => ctx.timers.eventTime(1) })
    assert.throws(() => harness.processRecord({ key: 'a' }, 1), { code: 'USER_FUNCTION_FAILED', message: /onTimer/ })
  })
})

describe('keyedProcess: processing-time timers', () => {
  it('fire by the clock, without a timestamp, and not at the end', () => {
    const harness = open(
      {
        onRecord(_record, ctx) {
          ctx.timers.processingTime(ctx.now() + 10)
        },
        onTimer(at, ctx, domain) {
          ctx.emit(`${ctx.key}@${at} ${domain} ${ctx.timestamp}`)
        },
      },
      { nowMs: 1_000 },
    )
    harness.processRecord({ key: 'a' }, 5)
    assert.equal(harness.nextProcessingTimeMs, 1_010)
    harness.advanceClockTo(1_009)
    assert.deepEqual(harness.output, [])
    harness.advanceClockTo(1_010)
    assert.deepEqual(harness.drainOutput(), [{ record: 'a@1010 processing 1010', timestamp: Number.NEGATIVE_INFINITY }])
    assert.equal(harness.nextProcessingTimeMs, undefined)
    harness.processRecord({ key: 'b' }, 6)
    harness.end()
    assert.deepEqual(harness.output, [])
  })
})

describe('keyedProcess: state', () => {
  it('is per key, of every kind, and survives a restore', () => {
    const declarations: StateDeclarations = {
      value: state('value'),
      list: state('list'),
      map: state('map'),
      reduced: { kind: 'reducing', version: 1, ttlMs: undefined, reduce: (a: number, b: number) => Math.max(a, b) },
      counted: {
        kind: 'aggregating',
        version: 1,
        ttlMs: undefined,
        aggregate: {
          name: 'count',
          create: () => ({ n: 0 }),
          add(accumulator: { n: number }) {
            accumulator.n++
            return accumulator
          },
          result: ({ n }: { n: number }) => n,
        },
      },
    }
    const fn: AnyFunction = {
      state: declarations,
      onRecord({ n }: { n: number }, ctx) {
        const { value, list, map, reduced, counted } = ctx.state
        value.set((value.get() ?? 0) + n)
        list.add(n)
        map.set(`n${n % 2}`, n)
        reduced.add(n)
        counted.add(n)
        ctx.emit([ctx.key, value.get(), list.get(), [...map.entries()], [...map.keys()], reduced.get(), counted.get()])
      },
    }
    const first = open(fn)
    first.processRecord({ key: 'a', n: 3 }, 1)
    first.processRecord({ key: 'b', n: 9 }, 1)
    const second = open(fn, { restore: first.snapshot() })
    second.processRecord({ key: 'a', n: 1 }, 1)
    assert.deepEqual(records(second), [['a', 4, [3, 1], [['n1', 1]], ['n1'], 3, 2]])
  })

  it('an aggregating state takes null for an accumulator like any other, and keeps nothing of undefined', () => {
    const aggregating = (aggregate: unknown) => ({ kind: 'aggregating', version: 1, ttlMs: undefined, aggregate })
    const fn: AnyFunction = {
      state: {
        sum: aggregating(nullFromThree),
        lowest: aggregating(min<{ low?: number }, number | undefined>(({ low }) => low)),
      } as never,
      onRecord(record: { value: number; low?: number }, ctx) {
        ctx.state.sum.add(record)
        ctx.state.lowest.add(record)
        ctx.emit([ctx.state.sum.get(), ctx.state.lowest.get()])
      },
    }
    const harness = open(fn)
    for (const record of [{ value: 1 }, { value: 2, low: 5 }, { value: 4, low: 7 }])
      harness.processRecord({ key: 'a', ...record }, 1)
    assert.deepEqual(records(harness), [
      [1, undefined],
      [null, 5],
      [null, 5],
    ])
  })

  for (const [name, descriptor, message] of [
    ['reducing', { kind: 'reducing', reduce: () => undefined }, /reduce of state it returned undefined/],
    [
      'aggregating',
      { kind: 'aggregating', aggregate: { ...sumInPlace, add: () => undefined } },
      /"sumInPlace" returned no accumulator/,
    ],
  ] as const) {
    it(`${name} state refuses a function that returns nothing`, () => {
      const fn: AnyFunction = {
        state: { it: { version: 1, ttlMs: undefined, ...descriptor } } as never,
        onRecord({ value }: { value: number }, ctx) {
          ctx.state.it.add(value)
          ctx.state.it.add(value)
        },
      }
      assert.throws(() => open(fn).processRecord({ key: 'a', value: 1 }, 1), { code: 'USER_FUNCTION_FAILED', message })
    })
  }

  it('what an aggregating state has given does not change with it', () => {
    const fn: AnyFunction = {
      state: { total: { kind: 'aggregating', version: 1, ttlMs: undefined, aggregate: sumInPlace } },
      onRecord(record: { value: number }, ctx) {
        ctx.state.total.add(record)
        ctx.emit(ctx.state.total.get())
      },
    }
    const harness = open(fn)
    for (const value of [1, 2, 4]) harness.processRecord({ key: 'a', value }, 1)
    assert.deepEqual(records(harness), [{ n: 1 }, { n: 3 }, { n: 7 }])
  })

  it('shows a key in one form, in records and timers alike', () => {
    const fn: AnyFunction = {
      onRecord(_record, ctx) {
        ctx.emit(`${JSON.stringify(ctx.key)} ${Object.is(ctx.key, -0)}`)
        ctx.timers.eventTime(5)
      },
      onTimer: (_at, ctx) => ctx.emit(JSON.stringify(ctx.key)),
    }
    const harness = open(fn)
    for (const key of [{ b: 2, a: 1 }, { a: 1, b: 2 }, -0]) harness.processRecord({ key }, 1)
    harness.end()
    const seen = records(harness) as string[]
    assert.deepEqual(seen.slice(0, 3), ['{"a":1,"b":2} false', '{"a":1,"b":2} false', '0 false'])
    assert.deepEqual(seen.slice(3).sort(), ['0', '{"a":1,"b":2}'])
  })

  it('expires on read', () => {
    const fn: AnyFunction = {
      state: { seen: state('value', 100) },
      onRecord(_record, ctx) {
        ctx.emit(ctx.state.seen.get() ?? 'nothing')
        ctx.state.seen.set('seen')
      },
    }
    const harness = open(fn)
    harness.processRecord({ key: 'a' }, 1)
    harness.advanceClockTo(99)
    harness.processRecord({ key: 'a' }, 1)
    harness.advanceClockTo(199)
    harness.processRecord({ key: 'a' }, 1)
    assert.deepEqual(records(harness), ['nothing', 'seen', 'nothing'])
  })

  it('refuses values that cannot be stored, by the call that brings them', () => {
    const harness = open(
      { state: { rows: state('list') }, onRecord: (record, ctx) => ctx.state.rows.add(record) },
      { name: 'keep' },
    )
    assert.throws(() => harness.processRecord({ key: 'a', callback() {} }, 1), {
      code: 'VALUE_NOT_ENCODABLE',
      message: /keep.*rows.*callback/,
    })
  })

  it('is frozen in development mode; a change names the operator', () => {
    const fn: AnyFunction = {
      state: { held: state('value') },
      onRecord(_record, ctx) {
        const held = ctx.state.held.get()
        if (held === undefined) ctx.state.held.set({ nested: { n: 1 } })
        else held.nested.n++
      },
    }
    const harness = open(fn, { name: 'counter' })
    harness.processRecord({ key: 'a' }, 1)
    assert.throws(() => harness.processRecord({ key: 'a' }, 1), { code: 'RECORD_MUTATED', message: /counter/ })
  })

  it('cannot have a name of the engine', () => {
    assert.throws(() => open({ state: { _mine: state('value') }, onRecord() {} }), { code: 'OPTION_INVALID' })
  })
})

describe('keyedProcess: context', () => {
  it('gives time, position and counters, and emits to declared side outputs only', () => {
    const harness = open(
      {
        sideOutputs: { odd: {} },
        onRecord({ to, n }: { to: string; n: number }, ctx) {
          ctx.count('seen')
          ctx.count('sum', n)
          ctx.emit([ctx.timestamp, ctx.watermark, ctx.subtask, ctx.parallelism])
          ctx.emitTo(to, n)
        },
      },
      { subtask: 0, parallelism: 1 },
    )
    harness.advanceWatermark(5)
    harness.processRecord({ key: 'a', to: 'odd', n: 3 }, 7)
    assert.deepEqual(harness.output, [{ record: [7, 5, 0, 1], timestamp: 7 }])
    assert.deepEqual(harness.sideOutput('odd'), [{ record: 3, timestamp: 7 }])
    assert.deepEqual([harness.counter('seen'), harness.counter('sum')], [1, 3])
    assert.throws(() => harness.processRecord({ key: 'a', to: 'even', n: 4 }, 7), {
      code: 'OPTION_UNKNOWN',
      message: /even/,
    })
  })

  it('emits to the main output only when it says what', () => {
    const harness = open({
      emits: undefined,
      onRecord: (record: unknown, ctx: { emit(record: unknown): void }) => ctx.emit(record),
    } as never)
    assert.throws(() => harness.processRecord({ key: 'a' }, 7), {
      code: 'OPTION_UNKNOWN',
      message: /"operator".*declares none/,
      hint: /emits: type/,
    })
    assert.deepEqual(harness.output, [])
  })

  it('refuses keys that are none, naming the operator', () => {
    const harness = open(timerFunction, { name: 'alarm' })
    for (const key of [undefined, Number.NaN, new Date(0)]) {
      assert.throws(() => harness.processRecord({ key }, 1), { code: 'KEY_INVALID', message: /alarm/ })
    }
  })

  it("shows the user's own line", () => {
    const harness = open({
      onRecord() {
        throw new TypeError('not today')
      },
    })
    assert.throws(
      () => harness.processRecord({ key: 'a' }, 1),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'USER_FUNCTION_FAILED')
        assert.match((error.cause as Error).stack ?? '', /keyed-process\.test\.ts/)
        return true
      },
    )
  })
})
