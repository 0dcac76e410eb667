import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CheckpointContents, SubtaskRecord, VertexMeasures } from '@millrace/core'
import type { InspectedCheckpoints } from '@millrace/runtime'
import { renderMeasures } from '../../src/checkpoints/render-measures.ts'
import { plainPaint } from '../../src/text/paint.ts'

function measured(subtask: number, more: Partial<SubtaskRecord> = {}): SubtaskRecord {
  return {
    subtask,
    acknowledgedAtMs: 2_000,
    endToEndDurationMs: 150,
    syncDurationMs: 1,
    asyncDurationMs: 20,
    alignmentDurationMs: 5,
    startDelayMs: 100,
    processedBytes: 0,
    persistedBytes: 0,
    checkpointedBytes: 1_024,
    stateBytes: 2_048,
    ...more,
  }
}

function inspected(measures: readonly VertexMeasures[], kind: CheckpointContents['kind'] = 'checkpoint') {
  return { contents: [{ checkpointId: 7, kind, measures } as CheckpointContents] } as unknown as InspectedCheckpoints
}

const source: VertexMeasures = { vertexId: 'a', name: 'Source', subtasks: [measured(0, { startDelayMs: 2 })] }
const count: VertexMeasures = {
  vertexId: 'b',
  name: 'Count',
  subtasks: [measured(0), measured(1, { alignmentDurationMs: 4_200, persistedBytes: 3_072, isUnaligned: true })],
}

test('a task shows its slowest subtask and the sum of their sizes, then each of them', () => {
  assert.deepEqual(renderMeasures(inspected([source, count]), plainPaint), [
    '',
    'Tasks of checkpoint 7',
    'task    start delay  alignment  sync  async  end to end  written    state  processed  in flight  barrier',
    'Source         2 ms       5 ms  1 ms  20 ms      150 ms  1.0 KiB  2.0 KiB        0 B        0 B  aligned',
    'Count        100 ms      4.2 s  1 ms  20 ms      150 ms  2.0 KiB  4.0 KiB        0 B    3.0 KiB  unaligned in 1',
    '  1/2        100 ms       5 ms  1 ms  20 ms      150 ms  1.0 KiB  2.0 KiB        0 B        0 B  aligned',
    '  2/2        100 ms      4.2 s  1 ms  20 ms      150 ms  1.0 KiB  2.0 KiB        0 B    3.0 KiB  unaligned',
  ])
})

test('a savepoint is called one, and what was not stored is not shown', () => {
  assert.equal(renderMeasures(inspected([source], 'savepoint'), plainPaint)[1], 'Tasks of the savepoint')
  assert.deepEqual(renderMeasures(inspected([]), plainPaint), [])
  assert.deepEqual(renderMeasures({ contents: [] } as unknown as InspectedCheckpoints, plainPaint), [])
})
