/** What share of the time encoding gets, and what becomes of snapshots that nobody wants any more. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SegmentLedger } from '@millrace/core'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { OpenSnapshots } from '../../src/task/open-snapshots.ts'
import { TaskSnapshot } from '../../src/task/task-snapshot.ts'
import { SlowStorage } from './slow-storage.ts'
import { barrier } from './task-run.ts'

const KEYS = 1_000

/** One open snapshot. For its encoding a millisecond is one entry; for the task time goes as the test says. */
function begin(snapshotBytesMax?: number) {
  let encodedEntries = 0
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: 3 },
    maxParallelism: 4,
    now: () => 0,
    monotonicMs: () => encodedEntries++,
    encodeStepEntries: 1,
    snapshotBytesMax,
  })
  const table = backend.valueTable<string>({
    operatorUid: 'op',
    name: 'values',
    kind: 'value',
    version: 1,
    ttlMs: undefined,
  })
  for (let key = 0; key < KEYS; key++) {
    backend.setCurrentKey(key, key % 4)
    table.put(`value ${key}`.padEnd(60, '.'))
  }
  const ledger = new SegmentLedger()
  const storage = new SlowStorage()
  const time = { nowMs: 0 }
  const open = new OpenSnapshots(() => time.nowMs)
  const snapshot = new TaskSnapshot({
    task: { vertexId: 'v', subtask: 0 },
    barrier: barrier(1),
    keyed: backend.beginSnapshot(1, ledger.decide(1, 'checkpoint')),
    ledger,
    store: storage,
    operators: [{ uid: 'op', entries: [] }],
    sinkUid: undefined,
    prepared: undefined,
    inFlight: undefined,
    pendingCommittables: () => [],
    onWritten: () => {},
  })
  open.add(1, snapshot)
  /** How long it was encoded after so much time. */
  const sliceAfter = (ms: number): number => {
    time.nowMs += ms
    const before = encodedEntries
    open.encode()
    return Math.max(0, encodedEntries - before - 1)
  }
  return { open, storage, sliceAfter }
}

describe('open snapshots', () => {
  it('are encoded in a fifth of the time, in slices of one to ten milliseconds', () => {
    const { sliceAfter } = begin()
    assert.deepEqual([0, 3, 8, 20, 40, 4_000].map(sliceAfter), [1, 1, 2, 5, 10, 10])
  })

  it('want no time while the storage is behind, and again when something is written', async () => {
    const { open, storage, sliceAfter } = begin(8_192)
    while (open.isEncoding) sliceAfter(40)
    assert.equal(storage.writings[0]?.isBusy, true)
    assert.deepEqual([open.isViewOpen, sliceAfter(40)], [true, 0])
    while (!open.isEncoding) await storage.writings[0]?.settle()
    assert.ok(sliceAfter(40) > 0)
  })

  it('take what was written with them when they are given up', async () => {
    const { open, storage, sliceAfter } = begin(8_192)
    while (open.isEncoding) sliceAfter(40)
    open.giveUp(1)
    await open.discarded
    assert.equal(storage.writings[0]?.isDiscarded, true)
    assert.deepEqual([open.ids, open.isEncoding, open.isViewOpen, sliceAfter(40)], [[], false, false, 0])
  })
})
