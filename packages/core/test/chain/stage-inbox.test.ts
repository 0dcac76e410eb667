import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { STAGE_BYTES_MAX, STAGE_OVERFLOW_BYTES_MAX, StageInbox } from '../../src/chain/stage-inbox.ts'
import { BATCH_RECORDS_MAX } from '../../src/index.ts'

const MEBIBYTE = 1_048_576
const batchOf = (records: unknown[]) => ({ records, timestamps: records.map(() => 0), keyHashes: undefined })

/** The elements in order, emptied. */
function drain(inbox: StageInbox): unknown[] {
  const seen: unknown[] = []
  for (let first = inbox.first; first !== undefined; first = inbox.first) {
    seen.push(first.kind === 'batch' ? first.batch.records : first.kind === 'watermark' ? first.timestamp : first.kind)
    inbox.shift()
  }
  return seen
}

describe('StageInbox', () => {
  it('keeps records and control elements in order', () => {
    const inbox = new StageInbox()
    inbox.emit('a', 1)
    inbox.emit('b', 2)
    inbox.pushWatermark(2)
    inbox.emit('c', 3)
    inbox.pushBatch(batchOf(['d']))
    inbox.emit('e', 4)
    inbox.pushEnd()
    assert.equal(inbox.queuedRecords, 5)
    assert.deepEqual(drain(inbox), [['a', 'b'], 2, ['c'], ['d'], ['e'], 'end'])
    assert.deepEqual([inbox.queuedRecords, inbox.queuedBytes, inbox.isEmpty], [0, 0, true])
  })

  it('adds nothing to a batch that a reader has begun', () => {
    const inbox = new StageInbox()
    inbox.emit('a', 1)
    inbox.closeOpenBatch()
    inbox.emit('b', 2)
    assert.deepEqual(drain(inbox), [['a'], ['b']])
  })

  it('takes no batch without records', () => {
    const inbox = new StageInbox()
    inbox.pushBatch(batchOf([]))
    assert.equal(inbox.isEmpty, true)
  })

  it('is full at its number of records, and has room when they have gone', () => {
    const inbox = new StageInbox()
    for (let i = 1; i < BATCH_RECORDS_MAX; i++) inbox.emit(i, 0)
    assert.equal(inbox.isFull, false)
    inbox.emit(0, 0)
    assert.equal(inbox.isFull, true)
    inbox.shift()
    assert.equal(inbox.isFull, false)
    inbox.pushBatch(batchOf(Array.from({ length: BATCH_RECORDS_MAX }, (_, i) => i)))
    assert.equal(inbox.isFull, true)
  })

  it('is full at its number of bytes, however few records that are', () => {
    const inbox = new StageInbox()
    for (let i = 0; i < 4; i++) {
      assert.equal(inbox.isFull, false)
      inbox.emit('x'.repeat(MEBIBYTE), 0)
      inbox.pushWatermark(i)
    }
    assert.equal(inbox.isFull, true)
    inbox.shift()
    assert.equal(inbox.isFull, false)
    assert.ok(inbox.queuedBytes < STAGE_BYTES_MAX)
  })

  it('notices records that grow, within one sample', () => {
    const inbox = new StageInbox()
    for (let i = 0; i < 40; i++) inbox.emit('small', 0)
    let large = 0
    while (!inbox.isFull) {
      inbox.emit('x'.repeat(MEBIBYTE), 0)
      large++
    }
    assert.ok(large <= 32, `${large} large records`)
  })

  it('counts the bytes of whole batches', () => {
    const inbox = new StageInbox()
    inbox.pushBatch(batchOf(Array.from({ length: 5 }, () => 'x'.repeat(MEBIBYTE))))
    assert.equal(inbox.isFull, true)
    inbox.shift()
    assert.deepEqual([inbox.isFull, inbox.queuedBytes], [false, 0])
  })

  it('gives back the rest of the batch at its head, with all that belongs to it, and counts what is left', () => {
    const inbox = new StageInbox()
    const text = 'x'.repeat(MEBIBYTE)
    inbox.pushBatch({
      records: [text, text, 'c', 'd'],
      timestamps: [1, 2, 3, 4],
      keyHashes: [5, 6, 7, 8],
      accumulators: [[9, 10, 11, 12]],
    })
    const { queuedBytes } = inbox
    assert.deepEqual(inbox.takeBack(2), {
      records: ['c', 'd'],
      timestamps: [3, 4],
      keyHashes: [7, 8],
      accumulators: [[11, 12]],
    })
    assert.deepEqual([inbox.queuedRecords, inbox.queuedBytes], [2, queuedBytes / 2])
    assert.equal(inbox.takeBack(2), undefined)
    assert.deepEqual(inbox.takeBack(0)?.timestamps, [1, 2])
    assert.deepEqual([inbox.isEmpty, inbox.queuedRecords, inbox.queuedBytes], [true, 0, 0])
  })

  it('takes a single record of any size', () => {
    const inbox = new StageInbox()
    inbox.emit(new Uint8Array(STAGE_OVERFLOW_BYTES_MAX + 1), 0)
    assert.equal(inbox.isFull, true)
  })

  for (const { name, record } of [
    { name: 'small records', record: 'x'.repeat(1_000) },
    { name: 'large records', record: new Uint8Array(MEBIBYTE) },
  ]) {
    it(`refuses what one call emits without end: ${name}`, () => {
      const inbox = new StageInbox('Split lines (2/4)')
      const emitted = { records: 0 }
      assert.throws(
        () => {
          for (; ; emitted.records++) inbox.emit(record, 0)
        },
        (error) =>
          error instanceof MillraceError &&
          error.code === 'USER_FUNCTION_OVERRUN' &&
          error.details.task === 'Split lines (2/4)',
      )
      const bytes = emitted.records * record.length
      assert.ok(bytes > STAGE_OVERFLOW_BYTES_MAX * 0.9 && bytes < STAGE_OVERFLOW_BYTES_MAX * 1.1, `${bytes} bytes`)
    })
  }
})
