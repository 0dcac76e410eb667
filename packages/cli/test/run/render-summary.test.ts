import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunResult } from '../../src/run/job-runner-port.ts'
import { renderSummary } from '../../src/run/render-summary.ts'
import { plainPaint } from '../../src/text/paint.ts'
import { PLAN, reading, task } from '../readings.ts'

const resultOf = (attempt: number): RunResult => ({
  state: 'FINISHED',
  isRefused: false,
  isStuck: false,
  error: undefined,
  savepoint: undefined,
  final: reading({ attempt, tasks: [task('v1', 0, { numRecordsIn: 2_000 }, true)] }),
  lastCheckpoint: undefined,
})

test('a rate without restarts, else the attempt that the count is of', () => {
  assert.equal(renderSummary(resultOf(0), PLAN, plainPaint)[1], '  read        2,000 records (200/s)')
  assert.deepEqual(renderSummary(resultOf(1), PLAN, plainPaint).slice(1, 4), [
    '  read        2,000 records in the last attempt',
    '  checkpoints 0 completed, 0 failed',
    '  restarts    1; all counters are those of the last attempt',
  ])
})

test('an output that is too long for the terminal takes two lines', () => {
  const whole = '  output      /out  (csv, uid-sink, exactly-once)'
  assert.equal(renderSummary(resultOf(0), PLAN, plainPaint).at(-1), whole)
  assert.equal(renderSummary(resultOf(0), PLAN, plainPaint, whole.length).at(-1), whole)
  assert.deepEqual(renderSummary(resultOf(0), PLAN, plainPaint, whole.length - 1).slice(-2), [
    '  output      /out',
    '              (csv, uid-sink, exactly-once)',
  ])
})
