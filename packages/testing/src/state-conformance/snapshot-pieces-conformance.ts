/**
 * The part of the suite of all state backends that is about snapshots which come in pieces: what is held stays within the bound
 * however slowly pieces are written, segments with continuations restore like whole ones, and what was dropped stays so.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type KeyedSnapshot,
  type KeyedStateBackend,
  keyGroupOf,
  keyGroupRange,
  type SnapshotPiece,
  type TableDescriptor,
} from '@millrace/core'
import type { BackendOptions, CreateBackend } from './create-backend.ts'
import { OpenChainsSnapshot, SegmentChains } from './segment-chains.ts'

const MAX_PARALLELISM = 8
const OPERATOR = 'op'
const KEYS = 1_500
const SNAPSHOT_BYTES_MAX = 16_384
/** Of one entry, and of the memory of the segment that it goes to beyond what is in it. */
const SLACK_BYTES = 2_048

export function snapshotPiecesConformance(name: string, create: CreateBackend): void {
  const open = (more: Partial<BackendOptions> = {}): KeyedStateBackend =>
    create({
      keyGroups: keyGroupRange(0, 1, MAX_PARALLELISM),
      maxParallelism: MAX_PARALLELISM,
      now: () => 0,
      snapshotBytesMax: SNAPSHOT_BYTES_MAX,
      ...more,
    })

  describe(`${name}: snapshots in pieces`, () => {
    it('holds no more than it may, however slowly pieces are written, and goes on when they are', () => {
      const backend = open()
      fill(backend, 1)
      const snapshot = backend.beginSnapshot(1, () => 'base')
      const taken: SnapshotPiece[] = []
      let heldBytes = 0
      let waits = 0
      for (let isDone = false; !isDone; ) {
        isDone = snapshot.encode(0)
        heldBytes = Math.max(heldBytes, snapshot.heldBytes)
        if (!isDone && !snapshot.isFull) continue
        // Nobody has written anything: time for encoding brings nothing.
        const before = snapshot.heldBytes
        for (let i = 0; i < 3; i++) snapshot.encode(0)
        assert.equal(snapshot.heldBytes, before)
        waits++
        taken.push(...release(snapshot))
      }
      taken.push(...release(snapshot))
      const bytes = taken.reduce((sum, piece) => sum + piece.bytes.length, 0)
      assert.ok(bytes > 5 * SNAPSHOT_BYTES_MAX, `${bytes} bytes are not much more than may be held`)
      assert.ok(heldBytes <= SNAPSHOT_BYTES_MAX + SLACK_BYTES, `${heldBytes} bytes were held`)
      assert.ok(waits > 5, `it waited ${waits} times only`)
      assert.equal(snapshot.heldBytes, 0, 'nothing is held any more')
      assert.equal(
        taken.reduce((sum, { entries }) => sum + entries, 0),
        KEYS,
        'every entry is written once',
      )
      expectOrder(taken)
    })

    it('keeps the fixed view while its pieces wait', () => {
      const backend = open()
      fill(backend, 1)
      const snapshot = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3)
      for (let key = 0; key < KEYS; key++) {
        put(backend, key, 2)
        if (key % 7 === 0) snapshot.step()
      }
      const chains = snapshot.finish()
      expectContinuations(chains, 'base')
      for (const parallelism of [1, 3]) {
        for (const restored of restoredAt(chains, parallelism)) expectAll(restored, 1)
      }
    })

    it('builds deltas on bases with continuations, and continues deltas too', () => {
      const backend = open()
      fill(backend, 1)
      const first = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3).finish()
      backend.onCheckpointComplete(1)
      const removed = (key: number): boolean => key % 5 === 0
      for (let key = 0; key < KEYS; key++) {
        select(backend, key)
        if (removed(key)) backend.valueTable<string>(VALUES).remove()
        else backend.valueTable<string>(VALUES).put(textOf(key, 2))
      }
      const second = new OpenChainsSnapshot(backend, first, 2, 3).finish()
      expectContinuations(second, 'delta')
      backend.onCheckpointComplete(2)
      put(backend, 1, 3)
      const third = new OpenChainsSnapshot(backend, second, 3, 3).finish()
      for (const parallelism of [1, 2]) {
        for (const restored of restoredAt(third, parallelism)) {
          const table = restored.valueTable<string>(VALUES)
          forOwnKeys(restored, (key) => {
            assert.equal(table.get(), removed(key) ? undefined : textOf(key, key === 1 ? 3 : 2), `key ${key}`)
          })
        }
      }
    })

    it('drops a namespace before what comes into it later, in whichever piece that is', () => {
      const backend = open()
      const table = backend.namespacedTable<string>(WINDOWS)
      const putAll = (round: number): void => {
        for (let key = 0; key < KEYS; key++) {
          select(backend, key)
          table.put(10, textOf(key, round))
        }
      }
      putAll(1)
      const first = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3).finish()
      backend.onCheckpointComplete(1)
      table.dropNamespace(10)
      for (let key = 0; key < KEYS; key += 2) {
        select(backend, key)
        table.put(10, textOf(key, 2))
      }
      const second = new OpenChainsSnapshot(backend, first, 2, 3).finish()
      expectContinuations(second, 'delta')
      for (const restored of restoredAt(second, 2)) {
        const again = restored.namespacedTable<string>(WINDOWS)
        forOwnKeys(restored, (key) => {
          assert.equal(again.get(10), key % 2 === 0 ? textOf(key, 2) : undefined, `key ${key}`)
        })
      }
    })

    it('says what was dropped within the bound too, and before what came back, also when that changes first', () => {
      const backend = open()
      const table = backend.mapTable<string, string>(MAPS)
      const selectNamed = (key: number): void => {
        const name = textOf(key, 0)
        backend.setCurrentKey(name, keyGroupOf(name, MAX_PARALLELISM))
      }
      const putAll = (round: number, wants: (key: number) => boolean): void => {
        for (let key = 0; key < KEYS; key++) {
          if (!wants(key)) continue
          selectNamed(key)
          table.put('inner', textOf(key, round))
        }
      }
      putAll(1, () => true)
      const first = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3).finish()
      backend.onCheckpointComplete(1)
      for (let key = 0; key < KEYS; key++) {
        selectNamed(key)
        table.remove()
      }
      const hasCome = (key: number): boolean => key % 2 === 0
      putAll(2, hasCome)
      const second = new OpenChainsSnapshot(backend, first, 2, 3)
      assert.ok(second.heldBytes <= SLACK_BYTES, `${second.heldBytes} bytes were encoded when it began`)
      for (let steps = 0; steps < 400; steps++) {
        second.step()
        assert.ok(second.heldBytes <= SNAPSHOT_BYTES_MAX + SLACK_BYTES, `${second.heldBytes} bytes were held`)
      }
      putAll(3, hasCome)
      const chains = second.finish()
      expectContinuations(chains, 'delta')
      for (const restored of restoredAt(chains, 2)) {
        const again = restored.mapTable<string, string>(MAPS)
        const { first: firstGroup, last } = restored.keyGroups
        for (let key = 0; key < KEYS; key++) {
          const name = textOf(key, 0)
          const group = keyGroupOf(name, MAX_PARALLELISM)
          if (group < firstGroup || group > last) continue
          restored.setCurrentKey(name, group)
          assert.equal(again.get('inner'), hasCome(key) ? textOf(key, 2) : undefined, name)
        }
      }
    })

    it('gives up what was taken of an aborted one, and begins anew', () => {
      const backend = open()
      fill(backend, 1)
      const given = backend.beginSnapshot(1, () => 'base')
      while (!given.isFull) given.encode(0)
      assert.ok(given.takePieces().length > 0)
      backend.onCheckpointAborted(1)
      put(backend, 0, 2)
      const chains = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 2, 3).finish()
      for (const restored of restoredAt(chains, 1)) {
        const table = restored.valueTable<string>(VALUES)
        forOwnKeys(restored, (key) => assert.equal(table.get(), textOf(key, key === 0 ? 2 : 1)))
      }
    })
  })

  /** With the usual bound: what has written the pieces does not matter. */
  function* restoredAt(chains: SegmentChains, parallelism: number): Generator<KeyedStateBackend> {
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const keyGroups = keyGroupRange(subtask, parallelism, MAX_PARALLELISM)
      const backend = open({ keyGroups, snapshotBytesMax: undefined })
      chains.restoreInto(backend)
      yield backend
      backend.close()
    }
  }
}

const VALUES: TableDescriptor = { operatorUid: OPERATOR, name: 'values', kind: 'value', version: 1, ttlMs: undefined }
const WINDOWS: TableDescriptor = { ...VALUES, name: 'windows', kind: 'namespaced' }
const MAPS: TableDescriptor = { ...VALUES, name: 'maps', kind: 'map' }

function textOf(key: number, round: number): string {
  return `${key} in round ${round} `.padEnd(80, '.')
}

function select(backend: KeyedStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, MAX_PARALLELISM))
}

function put(backend: KeyedStateBackend, key: number, round: number): void {
  select(backend, key)
  backend.valueTable<string>(VALUES).put(textOf(key, round))
}

function fill(backend: KeyedStateBackend, round: number): void {
  for (let key = 0; key < KEYS; key++) put(backend, key, round)
}

/** With the key chosen. */
function forOwnKeys(backend: KeyedStateBackend, look: (key: number) => void): void {
  const { first, last } = backend.keyGroups
  for (let key = 0; key < KEYS; key++) {
    const group = keyGroupOf(key, MAX_PARALLELISM)
    if (group < first || group > last) continue
    select(backend, key)
    look(key)
  }
}

function expectAll(backend: KeyedStateBackend, round: number): void {
  const table = backend.valueTable<string>(VALUES)
  forOwnKeys(backend, (key) => assert.equal(table.get(), textOf(key, round)))
}

/** Takes what is finished and says that it is written. */
function release(snapshot: KeyedSnapshot): readonly SnapshotPiece[] {
  const pieces = snapshot.takePieces()
  for (const { bytes } of pieces) snapshot.release(bytes.length)
  return pieces
}

/** The first piece of a key group continues nothing, and the others do. */
function expectOrder(pieces: readonly SnapshotPiece[]): void {
  const begun = new Set<number>()
  for (const { keyGroup, isContinuation } of pieces) {
    assert.equal(isContinuation, begun.has(keyGroup), `a piece of key group ${keyGroup}`)
    begun.add(keyGroup)
  }
}

function expectContinuations({ segments }: SegmentChains, kind: 'base' | 'delta'): void {
  const continuations = segments.filter(({ ref }) => ref.kind === kind && ref.isContinuation === true)
  assert.ok(continuations.length > MAX_PARALLELISM, `${continuations.length} continuations of a ${kind}`)
}
