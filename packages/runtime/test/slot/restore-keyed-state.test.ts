import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyedProcess, valueState } from '@millrace/api'
import {
  type DeclaredTable,
  declaredTables,
  encodeWhole,
  type KeyGroupSnapshot,
  type RestoredSegment,
  type SegmentRef,
  type TableDescriptor,
} from '@millrace/core'
import type { CheckpointStorage } from '../../src/checkpoint-storage/checkpoint-storage.ts'
import { restoreKeyedState } from '../../src/slot/restore-keyed-state.ts'
import { conversionsOf } from '../../src/state/converted-group.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { ManualClock } from '../coordinator/manual-clock.ts'

const MEGABYTE = 1_000_000

const refOf = (file: string, lengthBytes: number): SegmentRef => ({
  kind: 'base',
  checkpointId: 1,
  location: { kind: 'file', file, offsetBytes: 0 },
  lengthBytes,
  crc32c: 0,
  entries: 1,
})

/** Notes in which order things are asked for and arrive. */
class Rehearsal {
  readonly events: string[] = []
  readonly clock = new ManualClock()
  failing: string | undefined

  readonly storage = {
    readSegments: async (refs: readonly SegmentRef[]) => {
      const names = refs.map(({ location }) => (location.kind === 'file' ? location.file : ''))
      if (names.length > 0) this.events.push(`read ${names.join('+')}`)
      await Promise.resolve()
      if (this.failing !== undefined && names.includes(this.failing)) throw new Error(`${this.failing} is damaged`)
      return refs.map((ref) => new Uint8Array(ref.lengthBytes))
    },
  } as unknown as CheckpointStorage

  readonly backend = new (class extends HeapStateBackend {
    readonly rehearsal: Rehearsal
    constructor(rehearsal: Rehearsal) {
      super({ keyGroups: { first: 0, last: 9 }, maxParallelism: 10, now: () => 0, monotonicMs: () => 0 })
      this.rehearsal = rehearsal
    }
    override restore(keyGroup: number, operatorUid: string, segments: readonly RestoredSegment[]): void {
      const names = segments.map(({ ref }) => (ref.location.kind === 'file' ? ref.location.file : ''))
      for (const { ref, bytes } of segments) assert.equal(bytes.length, ref.lengthBytes)
      this.rehearsal.events.push(`decode ${operatorUid} ${keyGroup} ${names.join('+')}`)
      this.rehearsal.clock.pass(5)
    }
  })(this)
}

const group = (keyGroup: number, ...segments: SegmentRef[]): KeyGroupSnapshot => ({ keyGroup, segments })

describe('restoreKeyedState', () => {
  it('reads portions of a few megabytes, the next one while one is decoded', async () => {
    const { storage, backend, clock, events } = new Rehearsal()
    const { measures, asStored } = await restoreKeyedState(
      {
        a: [
          group(0, refOf('a0', 5 * MEGABYTE), { ...refOf('a0d', MEGABYTE), kind: 'delta' }),
          group(1, refOf('a1', MEGABYTE)),
          group(2, refOf('a2', 2 * MEGABYTE)),
        ],
        b: [group(0, refOf('b0', 20 * MEGABYTE)), group(1, refOf('b1', 1_000))],
      },
      { storage, backend, clock, conversionsOf: () => new Map() },
    )
    assert.deepEqual(events, [
      'read a0d+a0+a1',
      'read a2',
      'decode a 0 a0d',
      'decode a 0 a0',
      'decode a 1 a1',
      'read b0',
      'decode a 2 a2',
      'read b1',
      'decode b 0 b0',
      'decode b 1 b1',
    ])
    assert.deepEqual(measures, { bytes: 29 * MEGABYTE + 1_000, keyGroups: 5, readMs: 0, decodeMs: 30 })
    assert.deepEqual(
      asStored.map(({ operatorUid, keyGroups }) => [operatorUid, keyGroups.length]),
      [
        ['a', 3],
        ['b', 2],
      ],
    )
  })

  it('reads piece by piece, from the newest delta to the base', async () => {
    const { storage, backend, clock, events } = new Rehearsal()
    const goesOn = (file: string): SegmentRef => ({ ...refOf(file, 5 * MEGABYTE), isContinuation: true })
    const delta: SegmentRef = { ...refOf('a1d', 1_000), kind: 'delta', checkpointId: 2 }
    const { measures, asStored } = await restoreKeyedState(
      {
        a: [
          group(0, refOf('a0', 5 * MEGABYTE), goesOn('a0b'), goesOn('a0c')),
          group(1, refOf('a1', 5 * MEGABYTE), goesOn('a1b'), delta),
        ],
      },
      { storage, backend, clock, conversionsOf: () => new Map() },
    )
    assert.deepEqual(events, [
      'read a0c',
      'read a0b',
      'decode a 0 a0c',
      'read a0+a1d',
      'decode a 0 a0b',
      'read a1b',
      'decode a 0 a0',
      'decode a 1 a1d',
      'read a1',
      'decode a 1 a1b',
      'decode a 1 a1',
    ])
    assert.deepEqual([measures.bytes, measures.keyGroups], [25 * MEGABYTE + 1_000, 2])
    assert.deepEqual(
      asStored.map(({ keyGroups }) => keyGroups.map(({ segments }) => segments.length)),
      [[3, 3]],
    )
  })

  for (const how of ['as it is stored', 'converted'] as const) {
    it(`gives each entry the value of its newest segment, and none that was deleted, ${how}`, async () => {
      const isConverted = how === 'converted'
      const kept = isConverted
        ? valueState<string>({ version: 2, migrate: (old: unknown) => `${old}, converted` })
        : valueState<string>()
      const fn = keyedProcess({ state: { kept }, onRecord() {} })
      const declared = declaredTables('op', { kind: 'keyedProcess', key: { kind: 'field', field: 'k' }, fn })
      const table: TableDescriptor = { operatorUid: 'op', name: 'kept', kind: 'value', version: 1, ttlMs: undefined }
      const open = () =>
        new HeapStateBackend({
          keyGroups: { first: 0, last: 0 },
          maxParallelism: 1,
          now: () => 0,
          monotonicMs: () => 0,
        })
      const backend = open()
      const values = backend.valueTable<string>(table)
      const stored = new Map<SegmentRef, Uint8Array>()
      const keys = 3_000
      for (let checkpointId = 1; checkpointId <= 4; checkpointId++) {
        // Each changes every so manieth key and deletes another.
        for (let key = 0; key < keys; key += checkpointId) {
          backend.setCurrentKey(key, 0)
          if (key % 7 === checkpointId) values.remove()
          else values.put(`of ${checkpointId}`)
        }
        const kind = checkpointId === 1 ? 'base' : 'delta'
        for (const { bytes, crc32c, entries } of encodeWhole(backend.beginSnapshot(checkpointId, () => kind))) {
          const location = { kind: 'inline', base64: '' } as const
          stored.set({ kind, checkpointId, location, lengthBytes: bytes.length, crc32c, entries }, bytes)
        }
        backend.onCheckpointComplete(checkpointId)
      }
      assert.equal(stored.size, 4)
      const storage = {
        readSegments: async (refs: readonly SegmentRef[]) => refs.map((ref) => stored.get(ref)),
      } as unknown as CheckpointStorage
      const restored = open()
      const groups = { op: [group(0, ...stored.keys())] }
      const { asStored } = await restoreKeyedState(groups, {
        storage,
        backend: restored,
        clock: new ManualClock(),
        conversionsOf: () => conversionsOf([table], declared),
      })
      const { descriptor } = declared[0] as DeclaredTable
      const found = restored.valueTable<string>(descriptor)
      for (let key = 0; key < keys; key++) {
        for (const each of [backend, restored]) each.setCurrentKey(key, 0)
        const value = values.get()
        assert.equal(found.get(), isConverted && value !== undefined ? `${value}, converted` : value, `key ${key}`)
      }
      assert.equal(restored.usage()[0]?.entries, backend.usage()[0]?.entries)
      assert.equal(asStored[0]?.keyGroups.length, isConverted ? 0 : 1, 'nothing builds on segments of another form')
    })
  }

  it('ends with the first error, whatever else is under way', async () => {
    const rehearsal = new Rehearsal()
    rehearsal.failing = 'a1'
    const { storage, backend, clock, events } = rehearsal
    const groups = { a: [group(0, refOf('a0', 9 * MEGABYTE)), group(1, refOf('a1', 9 * MEGABYTE))] }
    await assert.rejects(
      restoreKeyedState(groups, { storage, backend, clock, conversionsOf: () => new Map() }),
      /a1 is damaged/,
    )
    assert.deepEqual(events, ['read a0', 'read a1', 'decode a 0 a0'])
  })
})
