import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FreezingInbox } from '../../src/chain/freezing-inbox.ts'

test('what waits is frozen throughout, one by one and in batches', () => {
  const inbox = new FreezingInbox()
  const records = Array.from({ length: 3 }, () => ({ a: { b: [1] } }))
  inbox.emit(records[0], 1)
  inbox.pushBatch({ records: [records[1], 'text', null, records[2]], timestamps: [1, 1, 1, 1], keyHashes: undefined })
  assert.equal(inbox.queuedRecords, 5)
  for (const record of records) {
    assert.throws(() => {
      record.a = { b: [] }
    }, TypeError)
    assert.throws(() => record.a.b.push(2), TypeError)
  }
})
