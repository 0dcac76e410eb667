import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildGraph, collection, defineJob, keyedProcess, print, process, type, valueState } from '../../src/index.ts'

const onRecord = () => {}

/** Plain JavaScript: the compiler would refuse most of these. */
function onStream(fn: object, isKeyed: boolean): void {
  const job = defineJob({
    name: 'parts',
    build(env) {
      const numbers = env.from(collection([1]))
      const step = isKeyed ? numbers.keyBy((n: number) => n).process(fn as never) : numbers.process(fn as never)
      step.to(print())
    },
  })
  buildGraph(job, {})
}

describe('the parts of a process function', () => {
  const all = { emits: type<number>(), sideOutputs: { odd: type<number>() }, onRecord }
  const keyed = { ...all, key: type<number>(), state: { seen: valueState<number>() }, onTimer() {} }

  it('are taken, also as fields of a class that has others', () => {
    class Counting {
      readonly limit = 3
      onRecord() {}
    }
    for (const fn of [{ ...all, onEnd() {} }, new Counting()]) {
      assert.equal(process(fn), fn)
      onStream(fn, false)
    }
    for (const fn of [keyed, new Counting()]) {
      assert.equal(keyedProcess(fn), fn)
      onStream(fn, true)
    }
  })

  it('are refused when they are unknown, since they would never be called', () => {
    for (const [fn, isKeyed, option, hint] of [
      [{ ...keyed, onTimers() {} }, true, 'onTimers', /"onTimer"/],
      [{ ...keyed, emit: 3 }, true, 'emit', /"emits"/],
      [{ ...keyed, onEnd() {} }, true, 'onEnd', /./],
      [{ ...all, onRecords() {} }, false, 'onRecords', /"onRecord"/],
      [{ ...all, onTimer() {} }, false, 'onTimer', /keyBy/],
      [{ ...all, state: {} }, false, 'state', /keyBy/],
      [keyedProcess(keyed), false, 'state', /keyBy/],
    ] as const) {
      assert.throws(
        () => onStream(fn, isKeyed),
        (error: { code?: string; details?: { option?: string }; hint?: string }) =>
          error.code === 'OPTION_UNKNOWN' && error.details?.option === option && hint.test(error.hint ?? ''),
        option,
      )
    }
    assert.throws(() => process({ onRecord, onTimer() {} } as never), { code: 'OPTION_UNKNOWN' })
    assert.throws(() => keyedProcess({ onRecord, onTimers() {} } as never), { code: 'OPTION_UNKNOWN' })
  })

  it('are refused when they are none', () => {
    for (const fn of [
      undefined,
      onRecord,
      {},
      { onRecord: 'x' },
      { onRecord, onEnd: 1 },
      { onRecord, emits: 3 },
      { onRecord, sideOutputs: 'late' },
    ]) {
      assert.throws(() => process(fn as never), { code: 'OPTION_INVALID' })
    }
    for (const fn of [
      { onRecord, onTimer: 1 },
      { onRecord, state: 1 },
      { onRecord, state: { seen: 1 } },
    ]) {
      assert.throws(() => keyedProcess(fn as never), { code: 'OPTION_INVALID' })
    }
  })
})
