import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressMeter } from '../../src/progress/progress-meter.ts'
import { renderStatusLine } from '../../src/progress/render-status-line.ts'
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

test('the first reading has the mean rate since the start, of a later attempt none', () => {
  const tasks = [task('v1', 0, { numRecordsIn: 94_000 })]
  const meter = new ProgressMeter(PLAN)
  const first = meter.measure(reading({ startedAtMs: 1_000, atMs: 6_000, tasks }))
  assert.equal(first.operators[0]?.recordsInPerSecond, 18_800)
  assert.match(renderStatusLine(first), / 94k records read, 19k\/s /)
  const restarted = meter.measure(reading({ startedAtMs: 1_000, atMs: 7_000, attempt: 1, tasks }))
  assert.equal(restarted.operators[0]?.recordsInPerSecond, Number.NaN)
  assert.match(renderStatusLine(restarted), / 94k records read {2}watermark/)
  const next = meter.measure(
    reading({ startedAtMs: 1_000, atMs: 8_000, attempt: 1, tasks: [task('v1', 0, { numRecordsIn: 95_000 })] }),
  )
  assert.equal(next.operators[0]?.recordsInPerSecond, 1_000)
})
