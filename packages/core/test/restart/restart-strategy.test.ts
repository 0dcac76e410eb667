import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, toErrorData } from '@millrace/api'
import {
  createRestartState,
  decideRestart,
  findTopUserFrame,
  type JobFailure,
  onCheckpointCompleted,
  type RestartDecision,
  type RestartStrategy,
} from '../../src/restart/restart-strategy.ts'

const failure = (
  message = 'slot gone',
  code: ConstructorParameters<typeof MillraceError>[0] = 'SLOT_LOST',
  topUserFrame?: string,
): JobFailure => ({
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
