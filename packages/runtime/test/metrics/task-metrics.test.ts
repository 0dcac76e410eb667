import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import {
  createTaskMetrics,
  TASK_METRICS,
  TASK_METRICS_BYTES,
  TaskMetricsReader,
  TaskMetricsWriter,
  USER_COUNTERS_MAX,
} from '../../src/metrics/task-metrics.ts'

test('a fresh block shows the initial values', () => {
  const snapshot = new TaskMetricsReader(createTaskMetrics()).snapshot()
  assert.equal(snapshot.numRecordsIn, 0)
  assert.equal(snapshot.currentInputWatermark, Number.NEGATIVE_INFINITY)
  assert.ok(Number.isNaN(snapshot.sourceProgressTotal))
  assert.deepEqual(snapshot.userCounters, {})
})

test('every metric has a place of its own, apart from the user counters', () => {
  const memory = createTaskMetrics()
  const reader = new TaskMetricsReader(memory)
  const writer = new TaskMetricsWriter(memory, (counter) => reader.onCounter(counter))
  for (const [index, { name }] of TASK_METRICS.entries()) writer.set(name, index + 1)
  for (let i = 0; i < USER_COUNTERS_MAX; i++) writer.counter(`c${i}`).add(1_000 + i)
  const { userCounters, states, ...metrics } = reader.snapshot()
  assert.deepEqual(states, [])
  assert.deepEqual(metrics, Object.fromEntries(TASK_METRICS.map(({ name }, index) => [name, index + 1])))
  for (let i = 0; i < USER_COUNTERS_MAX; i++) assert.equal(userCounters[`c${i}`], 1_000 + i)
  assert.equal(TASK_METRICS_BYTES % 128, 0)
  assert.equal(memory.byteLength, TASK_METRICS_BYTES)
})

test('counters add up; both sides read single values', () => {
  const memory = createTaskMetrics()
  const writer = new TaskMetricsWriter(memory, () => {})
  writer.add('numRecordsOut', 2)
  writer.add('numRecordsOut', 3)
  assert.equal(writer.get('numRecordsOut'), 5)
  assert.equal(new TaskMetricsReader(memory).get('numRecordsOut'), 5)
})

test('a user counter is told once, however often it is asked for', () => {
  const told: string[] = []
  const writer = new TaskMetricsWriter(createTaskMetrics(), ({ name, index }) => told.push(`${index}:${name}`))
  writer.counter('seen').add(1)
  writer.counter('dropped').add(1)
  writer.counter('seen').add(1)
  assert.deepEqual(told, ['0:seen', '1:dropped'])
})

test('one user counter too many is refused by name', () => {
  const writer = new TaskMetricsWriter(createTaskMetrics(), () => {})
  for (let i = 0; i < USER_COUNTERS_MAX; i++) writer.counter(`c${i}`)
  assert.throws(
    () => writer.counter('last straw'),
    (error) => error instanceof MillraceError && error.code === 'OPTION_INVALID' && /last straw/.test(error.message),
  )
})

test('what states hold is what was told last', () => {
  const reader = new TaskMetricsReader(createTaskMetrics())
  const usage = [{ operatorUid: 'count', name: 'seen', entries: 3, bytesEstimate: 300 }]
  reader.onStateUsage([])
  reader.onStateUsage(usage)
  assert.deepEqual(reader.snapshot().states, usage)
  assert.equal('store' in reader.snapshot(), false)
  reader.onStateUsage(usage, { 'rocksdb.estimate-num-keys': 3 })
  assert.deepEqual(reader.snapshot().store, { 'rocksdb.estimate-num-keys': 3 })
})
