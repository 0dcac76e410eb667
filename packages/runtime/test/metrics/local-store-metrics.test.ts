import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LocalStoreUsage } from '@millrace/core'
import { publishLocalStore } from '../../src/metrics/local-store-metrics.ts'
import { createTaskMetrics, TaskMetricsReader, TaskMetricsWriter } from '../../src/metrics/task-metrics.ts'

const names = [
  'stateCacheHits',
  'stateCacheMisses',
  'stateCacheBytes',
  'stateDiskBytes',
  'stateDiskDeadShare',
  'stateDiskCleanedBytes',
] as const

test('each figure of a local store has its metric, and a backend without one leaves them at 0', () => {
  const memory = createTaskMetrics()
  const writer = new TaskMetricsWriter(memory, () => {})
  const reader = new TaskMetricsReader(memory)
  publishLocalStore({}, writer)
  assert.deepEqual(
    names.map((name) => reader.get(name)),
    [0, 0, 0, 0, 0, 0],
  )
  const usage: LocalStoreUsage = {
    cacheHits: 1,
    cacheMisses: 2,
    cacheBytes: 3,
    diskBytes: 4,
    deadShare: 0.5,
    cleanedBytes: 6,
  }
  publishLocalStore({ localStore: () => usage }, writer)
  assert.deepEqual(
    names.map((name) => reader.get(name)),
    [1, 2, 3, 4, 0.5, 6],
  )
})
