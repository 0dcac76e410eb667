import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, type ErrorData, MillraceError, toErrorData } from '@millrace/api'
import {
  createRestartState,
  decideRestart,
  findTopUserFrame,
  type JobFailure,
  onCheckpointCompleted,
  type RestartDecision,
  type RestartStrategy,
} from '../../src/restart/restart-strategy.ts'

const failure = (message = 'slot gone', code: ErrorCode = 'SLOT_LOST', topUserFrame?: string): JobFailure => ({
  error: { ...toErrorData(new MillraceError(code, message)), stack: undefined },
  topUserFrame,
})

const half = (): number => 0.5

/** Fails a job at the given times and tells what was decided: a delay, or the code of the end. */
function outcomes(strategy: RestartStrategy, timesMs: readonly number[], random = half): (number | string)[] {
  let state = createRestartState(strategy)
  const all: (number | string)[] = []
  for (const nowMs of timesMs) {
    const decision: RestartDecision = decideRestart(state, failure(), nowMs, random)
    state = decision.state
    all.push(decision.kind === 'restart' ? decision.delayMs : decision.code)
  }
  return all
}

const EXPONENTIAL: RestartStrategy = {
  type: 'exponential-delay',
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
  backoffMultiplier: 1.5,
  resetBackoffThresholdMs: 3_600_000,
  jitterFactor: 0.1,
  attemptsBeforeResetBackoff: Number.POSITIVE_INFINITY,
}

test('none never restarts: the error itself is the end', () => {
  assert.deepEqual(outcomes({ type: 'none' }, [0]), ['SLOT_LOST'])
})

test('fixed delay restarts so many times', () => {
  const strategy: RestartStrategy = { type: 'fixed-delay', attempts: 2, delayMs: 1_000 }
  assert.deepEqual(outcomes(strategy, [0, 1, 2]), [1_000, 1_000, 'RESTARTS_EXHAUSTED'])
})

test('failure rate counts within its interval', () => {
  const strategy: RestartStrategy = { type: 'failure-rate', maxFailuresPerInterval: 2, intervalMs: 1_000, delayMs: 10 }
  assert.deepEqual(outcomes(strategy, [0, 900, 1_001, 1_100]), [10, 10, 10, 'RESTARTS_EXHAUSTED'])
})

test('exponential delay grows to its maximum and begins anew after a long run', () => {
  const times = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
  const delays = outcomes(EXPONENTIAL, times)
  assert.deepEqual(delays.slice(0, 4), [1_000, 1_500, 2_250, 3_375])
  assert.equal(delays.at(-1), 60_000)
  assert.deepEqual(outcomes(EXPONENTIAL, [0, 10, 3_600_000 + 1_500 + 10]), [1_000, 1_500, 1_000])
  assert.deepEqual(outcomes(EXPONENTIAL, [0, 10, 3_600_000 + 1_499 + 10]), [1_000, 1_500, 2_250])
})

test('jitter adds or takes off its share, never beyond the first delay and the maximum', () => {
  assert.deepEqual(
    outcomes(EXPONENTIAL, [0, 1, 2], () => 0),
    [1_000, 1_350, 2_025],
  )
  assert.deepEqual(
    outcomes(EXPONENTIAL, [0], () => 0.999_999),
    [1_100],
  )
  assert.deepEqual(
    outcomes({ ...EXPONENTIAL, initialBackoffMs: 60_000 }, [0], () => 0.999_999),
    [60_000],
  )
})

test('exponential delay with a number of attempts, which a long run resets', () => {
  const strategy: RestartStrategy = { ...EXPONENTIAL, attemptsBeforeResetBackoff: 1 }
  assert.deepEqual(outcomes(strategy, [0, 10]), [1_000, 'RESTARTS_EXHAUSTED'])
  assert.deepEqual(outcomes(strategy, [0, 4_000_000]), [1_000, 1_000])
})

test('an error that says so fails the job at once', () => {
  const decision = decideRestart(createRestartState(EXPONENTIAL), failure('bad key', 'KEY_INVALID'), 0, half)
  assert.deepEqual([decision.kind, decision.kind === 'fail' && decision.code], ['fail', 'KEY_INVALID'])
})

test('the same error of user code twice fails the job, unless a checkpoint came between', () => {
  const boom = failure('boom', 'USER_FUNCTION_FAILED', 'job.ts:3:1')
  const first = decideRestart(createRestartState(EXPONENTIAL), boom, 0, half)
  assert.equal(first.kind, 'restart')
  const again = decideRestart(first.state, boom, 1, half)
  assert.equal(again.kind === 'fail' && again.code, 'REPEATED_FAILURE')
  assert.equal(decideRestart(onCheckpointCompleted(first.state), boom, 1, half).kind, 'restart')
  for (const other of [
    failure('boom 2', 'USER_FUNCTION_FAILED', 'job.ts:3:1'),
    failure('boom', 'USER_FUNCTION_FAILED', 'job.ts:9:1'),
    failure('boom', 'SLOT_LOST'),
  ]) {
    assert.equal(decideRestart(first.state, other, 1, half).kind, 'restart')
  }
  const lost = decideRestart(first.state, failure(), 1, half)
  const afterOther = decideRestart(lost.state, boom, 2, half)
  assert.equal(afterOther.kind, 'fail', 'another failure in between does not make it new')
})

test('errors of user code that take turns are repeated all the same', () => {
  const first = decideRestart(createRestartState(EXPONENTIAL), failure('a', 'USER_FUNCTION_FAILED'), 0, half)
  const second = decideRestart(first.state, failure('b', 'USER_FUNCTION_FAILED'), 1, half)
  assert.equal(second.kind, 'restart')
  assert.equal(decideRestart(second.state, failure('a', 'USER_FUNCTION_FAILED'), 2, half).kind, 'fail')
})

test('what is remembered of errors of user code is bounded', () => {
  let state = createRestartState(EXPONENTIAL)
  for (let n = 0; n < 1_000; n++) state = decideRestart(state, failure(`${n}`, 'USER_FUNCTION_FAILED'), n, half).state
  assert.equal(state.userFailures.length, 100)
  assert.equal(decideRestart(state, failure('999', 'USER_FUNCTION_FAILED'), 1_000, half).kind, 'fail')
})

/** An error as it comes from a slot: `code` of the engine around what was thrown in some file. */
function wrapped(code: ErrorCode, thrownAt: string, more: Partial<ErrorData> = {}): ErrorData {
  const inner = { ...toErrorData(new Error('no')), stack: `Error: no\n    at write (${thrownAt})`, ...more }
  return { ...toErrorData(new MillraceError(code, 'outer')), stack: 'x\n    at f (/engine/x.js:1:1)', cause: inner }
}

/** Whether the second one, with no checkpoint in between, ends the job. */
function endsJob(error: ErrorData, topUserFrame: string | undefined, again = error): boolean {
  const { state } = decideRestart(createRestartState(EXPONENTIAL), { error, topUserFrame }, 0, half)
  const second = decideRestart(state, { error: again, topUserFrame }, 1, half)
  if (second.kind === 'fail') assert.equal(second.code, 'REPEATED_FAILURE')
  return second.kind === 'fail'
}

test('with a code that blames nobody or others, the same error twice fails the job when a line of the user threw it', () => {
  for (const code of ['SINK_WRITE_FAILED', 'SLOT_LOST', 'INTERNAL'] as const) {
    assert.ok(endsJob(wrapped(code, '/home/me/job.ts:3:1'), '/home/me/job.ts:3:1'), code)
    const native = { stack: 'SyntaxError: no\n    at JSON.parse (<anonymous>)\n    at write (/home/me/job.ts:3:1)' }
    assert.ok(endsJob(wrapped(code, '', native), '/home/me/job.ts:3:1'), `${code}, in a function of the language`)
  }
})

test('outside failures may come again and again', () => {
  const throughLibrary = {
    stack: 'Error: no\n    at query (/app/node_modules/pg/client.js:1:2)\n    at async write (/home/me/job.ts:3:1)',
  }
  const throughNode = { stack: 'Error: ENOSPC\n    at writeFileSync (node:fs:1:2)\n    at write (/home/me/job.ts:3:1)' }
  const declared = { code: 'SINK_WRITE_FAILED' } as const
  for (const code of ['SINK_WRITE_FAILED', 'SLOT_LOST', 'INTERNAL'] as const) {
    assert.ok(!endsJob(wrapped(code, '/engine/x.js:1:2'), undefined), `${code} of the engine`)
    assert.ok(!endsJob(wrapped(code, '', throughLibrary), '/home/me/job.ts:3:1'), `${code} of a library`)
    assert.ok(!endsJob(wrapped(code, '', throughNode), '/home/me/job.ts:3:1'), `${code} of Node`)
    assert.ok(!endsJob(wrapped(code, '/home/me/job.ts:3:1', declared), '/home/me/job.ts:3:1'), `${code}, declared`)
    const around = {
      ...wrapped('SINK_WRITE_FAILED', '/home/me/job.ts:3:1'),
      stack: 'x\n    at f (/home/me/job.ts:9:1)',
    }
    assert.ok(!endsJob({ ...wrapped(code, ''), cause: around }, '/home/me/job.ts:3:1'), `${code}, declared around it`)
  }
})

test('a slot that hangs or is out of memory twice in the same way fails the job', () => {
  const hung = (slot: number): ErrorData =>
    failure(`Slot ${slot} made no progress; it runs a`, 'SLOT_HEARTBEAT_TIMEOUT').error
  assert.ok(endsJob(hung(1), undefined))
  assert.ok(!endsJob(hung(1), undefined, hung(2)))
  const full = (slot: number, used: number): ErrorData =>
    toErrorData(new MillraceError('SLOT_OUT_OF_MEMORY', `${used} MiB in use`, { details: { slot } }))
  assert.ok(endsJob(full(0, 101), undefined, full(0, 102)))
  assert.ok(!endsJob(full(0, 101), undefined, full(1, 101)))
})

test('the top user frame is the first that is neither of Node nor of the engine', () => {
  const stack = `Error: x
    at processBatch (file:///app/node_modules/@millrace/core/dist/x.js:1:2)
    at node:internal/process:3:4
    at Object.map (/home/me/job.ts:12:34)
    at file:///home/me/other.ts:5:6`
  const isEngineFile = (file: string): boolean => file.includes('@millrace')
  assert.equal(findTopUserFrame(stack, isEngineFile), '/home/me/job.ts:12:34')
  assert.equal(
    findTopUserFrame('Error: x\n    at async file:///home/me/a.ts:5:6', isEngineFile),
    'file:///home/me/a.ts:5:6',
  )
  assert.equal(findTopUserFrame(undefined, isEngineFile), undefined)
})
