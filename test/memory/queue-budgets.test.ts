/**
 * Law 8 for what waits between tasks: however slow the sink, the bytes that wait in the channels stay within their
 * budgets, and what one call of user code gives beyond them fails the job by name instead of filling the memory.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobOutcome } from '@millrace/runtime'
import { runMemoryJob } from './run-memory-job.ts'

const CHANNEL_BYTES = 512 * 1_024
/** Two by two from the source, two by one to the sink. */
const CHANNELS = 6

test('a slow sink behind a fast source: what waits stays within the budgets of the channels', async () => {
  const records = 20_000
  let queuedBytesMax = 0
  let isEachWithin = true
  let wasBackPressured = false
  const outcome = await runMemoryJob({
    job: 'slow-sink',
    params: { records, textUnits: 1_000 },
    configuration: {
      'parallelism.default': '2',
      'taskmanager.memory.max-segment-size': `${CHANNEL_BYTES} b`,
      'millrace.channel.local-size': `${CHANNEL_BYTES} b`,
    },
    watch: (job) => {
      const tasks = job.reading()?.tasks ?? []
      const queued = tasks.map(({ metrics }) => metrics?.inputQueuedBytes ?? 0)
      queuedBytesMax = Math.max(
        queuedBytesMax,
        queued.reduce((sum, bytes) => sum + bytes, 0),
      )
      // No task has more than two channels before it.
      if (queued.some((bytes) => bytes > 2 * CHANNEL_BYTES)) isEachWithin = false
      if (tasks.some(({ metrics }) => (metrics?.backPressuredTimeMs ?? 0) > 0)) wasBackPressured = true
    },
  })
  assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
  assert.equal(writtenRecords(outcome), records)
  assert.ok(wasBackPressured, 'the source was never held back, so nothing was tested')
  assert.ok(queuedBytesMax > CHANNEL_BYTES / 2, `only ${queuedBytesMax} bytes waited, so nothing was tested`)
  assert.ok(queuedBytesMax <= CHANNELS * CHANNEL_BYTES, `${queuedBytesMax} bytes waited`)
  assert.ok(isEachWithin, 'a task had more waiting than its channels may hold')
})

// 100 MB from one call; what a task holds beyond its channels is limited to 64 MiB.
const OUTBURST = { records: 10_000, textUnits: 10_000 }

for (const exchange of [false, true]) {
  const where = exchange ? 'behind an exchange' : 'within a chain'

  test(`one call that emits 100 MB at once fails the job and names the task, its target ${where}`, async () => {
    const outcome = await runMemoryJob({
      job: 'outburst',
      params: { ...OUTBURST, way: 'process', exchange },
      configuration: {},
    })
    assert.equal(outcome.state, 'FAILED')
    assert.equal(outcome.error?.code, 'USER_FUNCTION_OVERRUN')
    assert.match(outcome.error.message, /burst/)
  })

  test(`a flatMap that yields 100 MB bit by bit passes, its target ${where}`, async () => {
    const outcome = await runMemoryJob({
      job: 'outburst',
      params: { ...OUTBURST, way: 'flatMap', exchange },
      // No barrier comes by that would wake a task which sleeps in the middle of its work.
      configuration: { 'execution.checkpointing.interval': '0' },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.equal(writtenRecords(outcome), 2 * OUTBURST.records)
  })
}

test('rings that do not fit the network memory are refused before anything runs', async () => {
  const outcome = await runMemoryJob({
    job: 'slow-sink',
    params: { records: 10, textUnits: 10 },
    configuration: { 'parallelism.default': '4', 'taskmanager.memory.network.max': '256 kb' },
  })
  assert.equal(outcome.state, 'FAILED')
  assert.equal(outcome.error?.code, 'NETWORK_MEMORY_INSUFFICIENT')
  assert.match(outcome.error.hint ?? '', /taskmanager\.memory\.network\.max/)
})

function writtenRecords({ reading }: JobOutcome): number {
  let records = 0
  for (const { metrics } of reading?.tasks ?? []) {
    for (const [name, value] of Object.entries(metrics?.userCounters ?? {})) {
      if (name.endsWith('.written')) records += value
    }
  }
  return records
}
