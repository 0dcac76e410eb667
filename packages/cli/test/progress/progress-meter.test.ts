import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressMeter } from '../../src/progress/progress-meter.ts'
import { PLAN, reading, task } from '../readings.ts'

const source = (amount: number, total: number) => [
  task('v1', 0, { sourceProgressAmount: amount, sourceProgressTotal: total }),
  task('v1', 1, {}, true),
]

test('the leap of a source to its restored position is not taken for speed', () => {
  const meter = new ProgressMeter(PLAN)
  meter.measure(reading({ atMs: 10_000, attempt: 1, tasks: source(0, Number.NaN) }))
  meter.measure(reading({ atMs: 10_200, attempt: 1, tasks: source(0, 100) }))
  const opened = meter.measure(reading({ atMs: 10_400, attempt: 1, tasks: source(50, 100) }))
  assert.deepEqual(opened.input, { ratio: 0.5, leftMs: undefined })
  const later = meter.measure(reading({ atMs: 11_400, attempt: 1, tasks: source(60, 100) }))
  assert.deepEqual(later.input, { ratio: 0.6, leftMs: 4_000 })
})

test('a source that has not begun is at 0, with no guess of the time left', () => {
  const meter = new ProgressMeter(PLAN)
  assert.deepEqual(meter.measure(reading({ tasks: source(0, 100) })).input, { ratio: 0, leftMs: undefined })
})

test('a task that waits for its turn is not busy', () => {
  const meter = new ProgressMeter(PLAN)
  meter.measure(reading({ atMs: 10_000, tasks: [task('v2', 0)] }))
  const spent = { busyTimeMs: 200, runnableTimeMs: 600, backPressuredTimeMs: 100, idleTimeMs: 100 }
  const { operators } = meter.measure(reading({ atMs: 11_000, tasks: [task('v2', 0, spent)] }))
  assert.deepEqual(
    operators.filter(({ busy }) => busy > 0).map(({ busy, backPressured }) => [busy, backPressured]),
    [[0.2, 0.1]],
  )
})
