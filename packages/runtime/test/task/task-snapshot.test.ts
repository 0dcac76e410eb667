/** What one task stores for a checkpoint, where, and how much of it is in memory meanwhile. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KeyedStateBackend, SegmentLedger, type SegmentRef, type TableDescriptor } from '@millrace/core'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { TaskSnapshot, type TaskSnapshotOptions } from '../../src/task/task-snapshot.ts'
import { SlowStorage, turn } from './slow-storage.ts'
import { barrier } from './task-run.ts'

const SNAPSHOT_BYTES_MAX = 8_192
const KEYS = 1_000
const TABLE: TableDescriptor = { operatorUid: 'op', name: 'values', kind: 'value', version: 1, ttlMs: undefined }

function filledBackend(keys = KEYS): KeyedStateBackend {
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: 3 },
    maxParallelism: 4,
    now: () => 0,
    monotonicMs: () => 0,
    encodeStepEntries: 1,
    snapshotBytesMax: SNAPSHOT_BYTES_MAX,
  })
  const table = backend.valueTable<string>(TABLE)
  for (let key = 0; key < keys; key++) {
    backend.setCurrentKey(key, key % 4)
    table.put(`value ${key} `.padEnd(60, '.'))
  }
  return backend
}

interface Begun {
  readonly snapshot: TaskSnapshot
  readonly storage: SlowStorage
  wakes: number
}

function begin(backend: KeyedStateBackend | undefined, more: Partial<TaskSnapshotOptions> = {}): Begun {
  const ledger = new SegmentLedger()
  const storage = new SlowStorage()
  const begun = { storage, wakes: 0 }
  const snapshot = new TaskSnapshot({
    task: { vertexId: 'v', subtask: 0 },
    barrier: barrier(1),
    keyed: backend?.beginSnapshot(1, ledger.decide(1, 'checkpoint')),
    ledger,
    store: storage,
    operators: [{ uid: 'op', entries: [] }],
    sinkUid: undefined,
    prepared: undefined,
    inFlight: undefined,
    pendingCommittables: () => [],
    onWritten: () => void begun.wakes++,
    ...more,
  })
  return Object.assign(begun, { snapshot })
}

describe('the snapshot of a task', () => {
  it('is written while it is encoded, and waits for a slow storage instead of taking memory', async () => {
    const begun = begin(filledBackend())
    const { snapshot, storage } = begun
    const storing = snapshot.store()
    const [writing] = storage.writings
    assert.ok(writing !== undefined)
    while (snapshot.canEncode) snapshot.encode(0)
    assert.equal(snapshot.isEncoded, false, 'it does not fit')
    assert.equal(writing.writes.length, 1)
    for (let i = 0; i < 10; i++) snapshot.encode(0)
    assert.equal(writing.writes.length, 1, 'one write at a time')
    while (!snapshot.isEncoded) {
      assert.equal(writing.isBusy, true, 'somebody has to wake it')
      const { wakes } = begun
      await writing.settle()
      assert.equal(begun.wakes, wakes + 1)
      while (snapshot.canEncode) snapshot.encode(0)
    }
    while (writing.isBusy) await writing.settle()
    const { operators, writtenBytes, stateBytes } = await storing
    assert.ok(Math.max(...writing.writes) <= SNAPSHOT_BYTES_MAX)
    assert.ok(writtenBytes > 5 * SNAPSHOT_BYTES_MAX)
    assert.deepEqual([writtenBytes, stateBytes], Array(2).fill(writing.writes.reduce((sum, bytes) => sum + bytes)))
    const chains = operators[0]?.keyGroups.map(({ segments }) => segments) ?? []
    assert.equal(chains.length, 4)
    for (const [base, ...continuations] of chains) {
      assert.equal(base?.isContinuation, undefined)
      assert.ok(continuations.length > 3)
      assert.ok(continuations.every(({ kind, isContinuation }) => kind === 'base' && isContinuation === true))
    }
  })

  it('writes what was encoded because it changed, though there was no time for encoding', async () => {
    const backend = filledBackend()
    const { snapshot, storage } = begin(backend)
    const [writing] = storage.writings
    const table = backend.valueTable<string>(TABLE)
    for (let key = 0; key < 100; key++) {
      backend.setCurrentKey(key, key % 4)
      table.put('changed')
    }
    assert.equal(writing?.writes.length, 0)
    assert.equal(snapshot.canEncode, true, 'or nobody would write it')
    snapshot.encode(0)
    assert.equal(writing?.writes.length, 1)
    assert.equal(snapshot.canEncode, false)
  })

  it('fails with the reason of a write that failed in the middle, and writes nothing more', async () => {
    const { snapshot, storage } = begin(filledBackend())
    const storing = snapshot.store()
    const [writing] = storage.writings
    while (snapshot.canEncode) snapshot.encode(0)
    const outcome = assert.rejects(storing, /no room/)
    await writing?.settle(new Error('no room'))
    await outcome
    for (let i = 0; i < 10; i++) snapshot.encode(0)
    assert.equal(writing?.writes.length, 1)
    assert.equal(writing?.isFinished, false)
  })

  it('fails as soon as data in flight cannot be stored, however much is left to encode', async () => {
    const { snapshot } = begin(filledBackend(), { inFlight: Promise.reject(new Error('not storable')) })
    await assert.rejects(snapshot.store(), /not storable/)
    assert.equal(snapshot.isEncoded, false)
  })

  it('gives up what it has written, and takes part in nothing any more', async () => {
    const { snapshot, storage } = begin(filledBackend())
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    snapshot.store().then(settled, settled)
    const [writing] = storage.writings
    while (snapshot.canEncode) snapshot.encode(0)
    await snapshot.giveUp()
    assert.equal(writing?.isDiscarded, true)
    await writing?.settle()
    for (let i = 0; i < 10; i++) snapshot.encode(0)
    assert.equal(writing?.writes.length, 1)
    await turn()
    assert.deepEqual([snapshot.isGivenUp, snapshot.isOverdrawn, isSettled], [true, false, false])
  })

  it('keeps what is stored when it is given up after that: the checkpoint may have it', async () => {
    const { snapshot, storage } = begin(filledBackend(3))
    const storing = snapshot.store()
    snapshot.encode(1)
    while (!snapshot.isEncoded) snapshot.encode(1)
    await storage.writings[0]?.settle()
    await storing
    await snapshot.giveUp()
    assert.equal(storage.writings[0]?.isDiscarded, false)
  })

  it('stores data in flight apart from segments, so that a file which later checkpoints name does not hold it', async () => {
    const { snapshot, storage } = begin(filledBackend(1), {
      inFlight: Promise.resolve({ bytes: new Uint8Array(70), records: 2, from: ['up'] }),
    })
    const storing = snapshot.store()
    while (!snapshot.isEncoded) snapshot.encode(1)
    const [segments] = storage.writings
    await segments?.settle()
    const inFlightWriting = storage.writings[1]
    assert.deepEqual(inFlightWriting?.writes, [70])
    await inFlightWriting.settle()
    const { operators, writtenBytes, stateBytes, inFlightBytes } = await storing
    const keyed = segments?.writes[0] ?? 0
    const [operator] = operators
    assert.equal(operator?.keyGroups[0]?.segments[0]?.lengthBytes, keyed)
    const expected: Partial<SegmentRef> = { kind: 'base', lengthBytes: 70, entries: 2 }
    const { kind, lengthBytes, entries } = operator?.inFlight?.segment ?? {}
    assert.deepEqual([{ kind, lengthBytes, entries }, operator?.inFlight?.from], [expected, ['up']])
    assert.deepEqual([writtenBytes, stateBytes, inFlightBytes], [keyed + 70, keyed + 70, 70])
  })

  it('stores nothing where there is no keyed state', async () => {
    const { snapshot, storage } = begin(undefined)
    const { operators, writtenBytes } = await snapshot.store()
    assert.deepEqual([operators[0]?.keyGroups, writtenBytes, storage.writings.length], [[], 0, 0])
  })
})
