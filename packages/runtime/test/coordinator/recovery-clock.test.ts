import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeRecovery, RecoveryClock } from '../../src/coordinator/recovery-clock.ts'
import { NOTHING_RESTORED } from '../../src/slot/restore-keyed-state.ts'
import { ManualClock } from './manual-clock.ts'

const slot = (readMs: number, decodeMs: number, bytes: number) => ({ readMs, decodeMs, bytes, keyGroups: 2 })

describe('RecoveryClock', () => {
  it('takes the phases after a failure apart, read and decode as of the slot that took longest', () => {
    const clock = new ManualClock()
    const recovery = new RecoveryClock(clock)
    const startedAtMs = clock.now()
    recovery.begin()
    clock.pass(20)
    recovery.mark('cancelMs')
    clock.pass(1_000)
    recovery.mark('delayMs')
    clock.pass(5)
    recovery.mark('prepareMs')
    clock.pass(900)
    recovery.onReady(1, 7, [slot(100, 300, 4_000), slot(200, 250, 6_000)])
    assert.equal(recovery.recoveries[0]?.firstRecordMs, undefined)
    assert.equal(recovery.recoveries[0]?.totalMs, 1_925)
    clock.pass(10)
    const ended = recovery.onFirstRecord()
    assert.deepEqual(ended, {
      attempt: 1,
      checkpointId: 7,
      startedAtMs,
      cancelMs: 20,
      delayMs: 1_000,
      prepareMs: 5,
      deployMs: 400,
      readMs: 200,
      decodeMs: 300,
      firstRecordMs: 10,
      totalMs: 1_935,
      restoredBytes: 10_000,
      restoredKeyGroups: 4,
    })
    assert.equal(
      describeRecovery(ended),
      'from checkpoint 7 in 1.9 s, 10 kB of state: ending 20 ms, delay 1.0 s, sinks 5 ms, deploying 400 ms, reading 200 ms, decoding 300 ms, first record 10 ms',
    )
    assert.equal(recovery.onFirstRecord(), undefined, 'once')
    assert.deepEqual(recovery.recoveries, [ended])
  })

  it('says nothing of a fresh start, and of a restored one without what only a failure has', () => {
    const clock = new ManualClock()
    const fresh = new RecoveryClock(clock)
    fresh.begin()
    fresh.onReady(0, undefined, [NOTHING_RESTORED])
    assert.equal(fresh.onFirstRecord(), undefined)
    assert.deepEqual(fresh.recoveries, [])
    const restored = new RecoveryClock(clock)
    restored.begin()
    clock.pass(30)
    restored.onReady(0, 3, [slot(10, 10, 0)])
    clock.pass(2)
    const ended = restored.onFirstRecord()
    assert.ok(ended !== undefined)
    assert.equal(
      describeRecovery(ended),
      'from checkpoint 3 in 32 ms: sinks 0 ms, deploying 10 ms, reading 10 ms, decoding 10 ms, first record 2 ms',
    )
  })

  it('begins anew when an attempt fails before its first record', () => {
    const clock = new ManualClock()
    const recovery = new RecoveryClock(clock)
    recovery.begin()
    recovery.onReady(1, undefined, [])
    clock.pass(50)
    recovery.begin()
    clock.pass(3)
    recovery.onReady(2, undefined, [])
    recovery.onFirstRecord()
    assert.deepEqual(
      recovery.recoveries.map(({ attempt, totalMs, firstRecordMs }) => [attempt, totalMs, firstRecordMs]),
      [
        [1, 0, undefined],
        [2, 3, 0],
      ],
    )
  })

  it('keeps the newest', () => {
    const recovery = new RecoveryClock(new ManualClock())
    for (let attempt = 1; attempt <= 40; attempt++) {
      recovery.begin()
      recovery.onReady(attempt, 1, [])
      recovery.onFirstRecord()
    }
    assert.deepEqual([recovery.recoveries.length, recovery.recoveries.at(-1)?.attempt], [16, 40])
  })
})
