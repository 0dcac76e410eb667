import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressMeter } from '../../src/progress/progress-meter.ts'
import { renderProgress } from '../../src/progress/render-progress.ts'
import { renderStatusLine } from '../../src/progress/render-status-line.ts'
import { PLAN, reading, task } from '../readings.ts'

const first = reading({
  atMs: 10_000,
  tasks: [
    task('v1', 0, {
      numRecordsIn: 2_000,
      numRecordsOut: 1_000,
      busyTimeMs: 500,
      idleTimeMs: 500,
      sourceProgressAmount: 10,
      sourceProgressTotal: 100,
    }),
    task('v1', 1, {}, true),
    task('v2', 0, {}),
    task('v2', 1, {}),
  ],
})
const second = reading({
  atMs: 12_000,
  attempt: 0,
  checkpointsCompleted: 3,
  checkpointsFailed: 1,
  lastCheckpoint: {
    id: 4,
    kind: 'checkpoint',
    outcome: 'completed',
    endedAtMs: 11_500,
    durationMs: 31,
    bytes: 1_258_291,
    reason: undefined,
  },
  tasks: [
    task('v1', 0, {
      numRecordsIn: 4_002_000,
      numRecordsOut: 2_001_000,
      busyTimeMs: 700,
      idleTimeMs: 500,
      backPressuredTimeMs: 1_800,
      currentOutputWatermark: 1_442_018_818_000,
      sourceProgressAmount: 40,
      sourceProgressTotal: 100,
    }),
    task('v1', 1, {}, true),
    task('v2', 0, { numRecordsIn: 1_500_000, busyTimeMs: 2_000, currentInputWatermark: 1_442_018_800_000 }),
    task('v2', 1, {
      numRecordsIn: 500_000,
      idleTimeMs: 2_000,
      numLateRecordsDropped: 7,
      currentInputWatermark: 1_442_018_810_000,
    }),
  ],
})

function measured() {
  const meter = new ProgressMeter(PLAN)
  meter.measure(first)
  return meter.measure(second)
}

test('rates, shares and watermarks come from two readings', () => {
  const snapshot = measured()
  const [source, window] = snapshot.operators
  assert.equal(source?.recordsOutPerSecond, 1_000_000)
  assert.equal(source?.backPressured, 0.9)
  assert.equal(source?.watermarkMs, 1_442_018_818_000)
  assert.equal(window?.recordsInPerSecond, 1_000_000)
  assert.equal(window?.busy, 1)
  assert.equal(window?.watermarkMs, 1_442_018_800_000)
  assert.deepEqual(snapshot.input, { ratio: 0.4, leftMs: 4_000 })
  assert.equal(snapshot.lostRecords, 7)
})

test('a wide terminal shows everything', () => {
  assert.deepEqual(
    renderProgress({ ...measured(), nowMs: 1_442_018_860_000 }, 120).map((line) => line.trimEnd()),
    [
      'hot-items  RUNNING  00:12  7 late or skipped',
      'operator              par      in    in/s     out   out/s    busy  backpr            watermark        lag',
      'behaviors -> filter     2    4.0M    2.0M    2.0M    1.0M    10 %    90 %  2015-09-12 00:46:58       42 s',
      'views -> out            2    2.0M    1.0M                   100 %     0 %  2015-09-12 00:46:40  01:00 min',
      'input ████████████████░░░░░░░░░░░░░░░░░░░░░░░░  40 %  00:04 left',
      'checkpoint 4 took 31 ms, 1.2 MiB  45 y ago  3 completed  1 failed',
    ],
  )
})

test('a narrow terminal keeps names, load and rates', () => {
  assert.deepEqual(renderProgress(measured(), 52).slice(1, 4), [
    'operator               in/s   out/s    busy  backpr',
    'behaviors -> filter    2.0M    1.0M    10 %    90 %',
    'views -> out           1.0M           100 %     0 %',
  ])
})

test('a checkpoint that ended after the last reading is no time ahead', () => {
  const snapshot = measured()
  const endedAtMs = snapshot.lastCheckpoint?.endedAtMs ?? Number.NaN
  assert.match(renderProgress({ ...snapshot, nowMs: endedAtMs - 1 }, 120).at(-1) ?? '', / {2}0 ms ago {2}/)
})

test('a low terminal shows the most loaded operators', () => {
  const snapshot = measured()
  const operators = Array.from({ length: 10 }, (_, index) => ({
    ...(snapshot.operators[0] as (typeof snapshot.operators)[number]),
    name: `op-${index}`,
    busy: index === 6 ? 1 : 0.1,
    backPressured: 0,
  }))
  const lines = renderProgress({ ...snapshot, operators }, 80, { linesMax: 7 })
  assert.equal(lines.length, 7)
  assert.match(lines.join('\n'), /op-0[\s\S]*op-6[\s\S]*… and 8 more/)
})

test('a new attempt begins a new history', () => {
  const meter = new ProgressMeter(PLAN)
  meter.measure(second)
  const snapshot = meter.measure({ ...first, atMs: 13_000, attempt: 1 })
  assert.equal(snapshot.operators[0]?.recordsOutPerSecond, Number.NaN)
  assert.match(renderProgress(snapshot, 80)[0] ?? '', /attempt 2/)
})

test('before the first task there is something to show', () => {
  assert.deepEqual(
    renderProgress(new ProgressMeter(PLAN).measure(reading({ state: 'INITIALIZING' })), 40)[0],
    'hot-items  INITIALIZING  00:10',
  )
})

test('as one line for a log', () => {
  assert.equal(
    renderStatusLine(measured()),
    '00:12 RUNNING  4.0M records read, 2.0M/s  40 %  00:04 left  watermark 2015-09-12 00:46:40  checkpoint 4' +
      '  back-pressured: behaviors -> filter  7 late or skipped',
  )
})
