/** What one task stores for a checkpoint, and where. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeyedSnapshot, SegmentLedger, type SegmentRef } from '@millrace/core'
import { TaskSnapshot } from '../../src/task/task-snapshot.ts'
import { barrier } from './task-run.ts'

const refIn = (file: string, lengthBytes: number): SegmentRef => ({
  kind: 'base',
  checkpointId: 1,
  location: { kind: 'file', file, offsetBytes: 0 },
  lengthBytes,
  crc32c: 0,
  entries: 1,
})

test('data in flight is stored apart from segments, so that a file which later checkpoints name does not hold it', async () => {
  const ledger = new SegmentLedger()
  assert.equal(ledger.decide(1, 'checkpoint')('op', 0), 'base')
  const keyed: KeyedSnapshot = {
    tables: [],
    pieces: [{ operatorUid: 'op', keyGroup: 0, kind: 'base', bytes: new Uint8Array(10), entries: 1 }],
    encode: () => true,
  }
  const snapshot = new TaskSnapshot({
    task: { vertexId: 'v', subtask: 0 },
    barrier: barrier(1),
    keyed,
    ledger,
    store: {
      write: async (_id, _task, pieces, isInFlight) =>
        pieces.map(({ bytes }) => refIn(isInFlight === true ? 'in-flight' : 'segments', bytes.length)),
    },
    operators: [{ uid: 'op', entries: [] }],
    sinkUid: undefined,
    prepared: undefined,
    inFlight: Promise.resolve({ bytes: new Uint8Array(70), records: 2, from: ['up'] }),
    pendingCommittables: () => [],
  })
  snapshot.encode(1)
  const { operators, writtenBytes, stateBytes, inFlightBytes } = await snapshot.store()
  const [operator] = operators
  assert.deepEqual(operator?.keyGroups, [{ keyGroup: 0, segments: [refIn('segments', 10)] }])
  assert.deepEqual(operator.inFlight, { from: ['up'], segment: refIn('in-flight', 70) })
  assert.deepEqual([writtenBytes, stateBytes, inFlightBytes], [80, 80, 70])
})
