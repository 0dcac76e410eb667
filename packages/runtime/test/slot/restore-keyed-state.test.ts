import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeyGroupSnapshot, RestoredSegment, SegmentRef } from '@millrace/core'
import type { CheckpointStorage } from '../../src/checkpoint-storage/checkpoint-storage.ts'
import { restoreKeyedState } from '../../src/slot/restore-keyed-state.ts'
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
      'read a0+a0d+a1',
      'read a2',
      'decode a 0 a0+a0d',
      'decode a 1 a1',
      'read b0',
      'decode a 2 a2',
      'read b1',
      'decode b 0 b0',
      'decode b 1 b1',
    ])
    assert.deepEqual(measures, { bytes: 29 * MEGABYTE + 1_000, keyGroups: 5, readMs: 0, decodeMs: 25 })
    assert.deepEqual(
      asStored.map(({ operatorUid, keyGroups }) => [operatorUid, keyGroups.length]),
      [
        ['a', 3],
        ['b', 2],
      ],
    )
  })

  it('reads a base in many pieces piece by piece, and as a whole where deltas follow', async () => {
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
      'read a0',
      'read a0b',
      'decode a 0 a0',
      'read a0c',
      'decode a 0 a0b',
      'read a1+a1b+a1d',
      'decode a 0 a0c',
      'decode a 1 a1+a1b+a1d',
    ])
    assert.deepEqual([measures.bytes, measures.keyGroups], [25 * MEGABYTE + 1_000, 2])
    assert.deepEqual(
      asStored.map(({ keyGroups }) => keyGroups.map(({ segments }) => segments.length)),
      [[3, 3]],
    )
  })

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
