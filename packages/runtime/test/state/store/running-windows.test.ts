/** What overlapping windows hold beside a store on the disk stays within its memory, and their results are those of the heap. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascending, buildGraph, collect, collection, defineJob, type JobDefinition, sliding, sum } from '@millrace/api'
import { createOperator } from '@millrace/core'
import { MemoryStoreFolder, OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import { SegmentsStateBackend } from '../../../src/state/segments/segments-state-backend.ts'

const KEYS = 12_000
const WAVES = 5
const MEMORY_BYTES = 524_288

interface Row {
  readonly key: number
  readonly value: number
}

const job = defineJob({
  name: 'sliding',
  build(env) {
    env
      .from(collection<Row>([]), { watermarks: ascending(() => 0) })
      .keyBy('key')
      .window(sliding({ size: '3 ms', slide: '1 ms' }))
      .aggregate({ total: sum('value') }, ({ total }, { key, window }) => `${key} ${window.end} ${total}`)
      .to(collect('out'))
  },
}) as JobDefinition
const node = buildGraph(job, {}).nodes.find(({ spec }) => spec.kind === 'window') ?? assert.fail()

/** Results, and the most bytes that were held. */
function run(options: OperatorHarnessOptions): { readonly results: readonly string[]; readonly mostBytes: number } {
  const harness = new OperatorHarness(createOperator(node), options)
  const results: string[] = []
  let mostBytes = 0
  for (let wave = 0; wave < WAVES; wave++) {
    // A third of the keys is in no second wave.
    const records = Array.from({ length: KEYS }, (_, n) => ({
      key: n % 3 === 0 ? wave * KEYS + n : n,
      value: 0.1 * (wave + n),
    }))
    harness.processBatch({ records, timestamps: records.map(() => wave), keyHashes: undefined })
    harness.advanceWatermark(wave)
    const running = harness.backend.usage().find(({ name }) => name === '_window-running')
    mostBytes = Math.max(mostBytes, running?.bytesEstimate ?? 0)
    results.push(...harness.drainOutput().map(({ record }) => String(record)))
  }
  harness.end()
  results.push(...harness.drainOutput().map(({ record }) => String(record)))
  harness.close()
  return { results: results.sort(), mostBytes }
}

test('overlapping windows over more keys than there is memory for', () => {
  const onHeap = run({})
  assert.ok(onHeap.mostBytes > 2 * MEMORY_BYTES, `${onHeap.mostBytes} bytes are held on the heap`)
  const onDisk = run({
    createBackend: (keyGroups, maxParallelism, now) =>
      new SegmentsStateBackend({
        keyGroups,
        maxParallelism,
        now,
        monotonicMs: () => 0,
        folder: new MemoryStoreFolder(() => {}),
        cacheBytes: () => MEMORY_BYTES,
      }),
  })
  assert.ok(onDisk.mostBytes > 0 && onDisk.mostBytes <= MEMORY_BYTES, `${onDisk.mostBytes} bytes are held`)
  assert.deepEqual(onDisk.results, onHeap.results)
})
