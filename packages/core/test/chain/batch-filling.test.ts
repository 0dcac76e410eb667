import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BatchFilling, type FilledBatch } from '../../src/chain/batch-filling.ts'
import { STAGE_BYTES_MAX } from '../../src/chain/stage-inbox.ts'
import { estimateRecordBytes } from '../../src/index.ts'

const MIB = 1_048_576

/** A loop that gives `give(index)` for each record, or nothing for `undefined`; notes the slices. */
function loopOf(give: (index: number) => unknown, slices: [from: number, to: number][] = []) {
  return (from: number, to: number, filled: FilledBatch): number => {
    slices.push([from, to])
    for (let i = from; i < to; i++) {
      const record = give(i)
      if (record === undefined) continue
      filled.records[filled.count] = record
      filled.timestamps[filled.count++] = i
    }
    return to
  }
}

describe('BatchFilling', () => {
  it('runs all records in slices, in order, and says what they take', () => {
    const filling = new BatchFilling()
    const slices: [number, number][] = []
    assert.equal(
      filling.fill(
        3,
        900,
        {},
        loopOf((i) => (i % 3 === 0 ? i : undefined), slices),
      ),
      900,
    )
    assert.deepEqual(
      filling.filled.records,
      Array.from({ length: 299 }, (_, i) => 3 + i * 3),
    )
    assert.equal(slices[0]?.[0], 3)
    slices.slice(1).forEach(([from], i) => void assert.equal(from, slices[i]?.[1]))
    assert.equal(filling.filledBytes, 299 * estimateRecordBytes(3))
  })

  it('holds what it got and nothing else, whatever room the batch before had needed', () => {
    const filling = new BatchFilling()
    for (const records of [900, 10, 0, 63, 64, 65, 1_024, 100, 1_000, 1]) {
      const odd = loopOf((i) => (i < records ? i : undefined))
      assert.equal(filling.fill(0, 1_024, {}, odd), 1_024)
      const expected = Array.from({ length: records }, (_, i) => i)
      assert.deepEqual(filling.filled, { records: expected, timestamps: expected, keyHashes: undefined })
    }
  })

  it('stops when the batch is large in bytes, and looks sooner from then on', () => {
    const filling = new BatchFilling()
    const large = loopOf(() => 'x'.repeat(MIB))
    assert.ok(filling.fill(0, 1_000, {}, large) <= 32)
    assert.equal(filling.fill(0, 1_000, {}, large), STAGE_BYTES_MAX / MIB)
  })

  it('stops where the output has enough, to the record', () => {
    const filling = new BatchFilling()
    const loop = loopOf(() => 'x'.repeat(1_000))
    const recordBytes = estimateRecordBytes('x'.repeat(1_000))
    for (const records of [100, 1, 300, 40]) {
      const output = { batchBytesMax: records * recordBytes }
      // Of the first record nothing is known.
      if (filling.filledBytes > 0) assert.equal(filling.fill(0, 1_000, output, loop), records)
      else assert.ok(filling.fill(0, 1_000, output, loop) <= records + 32)
      assert.ok(filling.filledBytes >= output.batchBytesMax)
    }
  })

  it('goes on when a slice gave nothing', () => {
    const filling = new BatchFilling()
    assert.equal(
      filling.fill(
        0,
        500,
        {},
        loopOf(() => undefined),
      ),
      500,
    )
    assert.deepEqual([filling.filled.records, filling.filledBytes], [[], 0])
  })
})
