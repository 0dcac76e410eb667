import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SegmentRef } from '../../src/checkpoint/manifest.ts'
import { DELTAS_MAX, decideSegmentKind, SegmentLedger, type StoredPiece } from '../../src/checkpoint/segment-ledger.ts'

const ref = (kind: 'base' | 'delta', checkpointId: number, lengthBytes: number, offsetBytes = 0): SegmentRef => ({
  kind,
  checkpointId,
  location: { kind: 'file', file: `shared/${checkpointId}`, offsetBytes },
  lengthBytes,
  crc32c: 0,
  entries: 1,
})

const piece = (keyGroup: number, segment: SegmentRef): StoredPiece => ({ operatorUid: 'op', keyGroup, ref: segment })

test('a base when there is none, when deltas outgrow it, when the chain is long, and when asked for', () => {
  const base = ref('base', 1, 10_000)
  assert.equal(decideSegmentKind([], 'checkpoint'), 'base')
  assert.equal(decideSegmentKind([base], 'checkpoint'), 'delta')
  assert.equal(decideSegmentKind([base], 'full-checkpoint'), 'base')
  assert.equal(decideSegmentKind([base], 'savepoint'), 'base')
  assert.equal(decideSegmentKind([base, ref('delta', 2, 4_999)], 'checkpoint'), 'delta')
  assert.equal(decideSegmentKind([base, ref('delta', 2, 4_999), ref('delta', 3, 1)], 'checkpoint'), 'base')
  const deltas = Array.from({ length: DELTAS_MAX }, (_, i) => ref('delta', i + 2, 1))
  assert.equal(decideSegmentKind([base, ...deltas.slice(1)], 'checkpoint'), 'delta')
  assert.equal(decideSegmentKind([base, ...deltas], 'checkpoint'), 'base')
})

/** A base or delta of a total size in so many segments. */
function inPieces(kind: 'base' | 'delta', checkpointId: number, lengthBytes: number, count: number): SegmentRef[] {
  return Array.from({ length: count }, (_, i) => {
    const part = ref(kind, checkpointId, lengthBytes / count, (i * lengthBytes) / count)
    return i === 0 ? part : { ...part, isContinuation: true }
  })
}

test('continuations are no further deltas, and count with what they continue', () => {
  const base = inPieces('base', 1, 10_000, 40)
  assert.equal(decideSegmentKind(base, 'checkpoint'), 'delta')
  assert.equal(decideSegmentKind([...base, ...inPieces('delta', 2, 4_990, 30)], 'checkpoint'), 'delta')
  assert.equal(decideSegmentKind([...base, ...inPieces('delta', 2, 5_000, 10)], 'checkpoint'), 'base')
  const deltas = Array.from({ length: DELTAS_MAX }, (_, i) => inPieces('delta', i + 2, 20, 10))
  assert.equal(decideSegmentKind([...base, ...deltas.slice(1).flat()], 'checkpoint'), 'delta')
  assert.equal(decideSegmentKind([...base, ...deltas.flat()], 'checkpoint'), 'base')
})

test('a base or delta in several pieces joins its chain as a whole', () => {
  const ledger = new SegmentLedger()
  const base = inPieces('base', 1, 6_000, 3)
  const other = ref('base', 1, 100)
  const decide = ledger.decide(1, 'checkpoint')
  for (const keyGroup of [3, 4]) decide('op', keyGroup)
  // Pieces of other key groups come between them.
  const stored = [
    piece(3, base[0] as SegmentRef),
    piece(4, other),
    piece(3, base[1] as SegmentRef),
    piece(3, base[2] as SegmentRef),
  ]
  assert.deepEqual(
    ledger.chainsOf(1, stored)[0]?.keyGroups.map(({ segments }) => segments),
    [base, [other]],
  )
  ledger.onComplete(1)
  assert.equal(ledger.decide(3, 'checkpoint')('op', 3), 'delta')
  const delta = inPieces('delta', 3, 200, 2)
  const chain = ledger.chainsOf(
    3,
    delta.map((each) => piece(3, each)),
  )[0]?.keyGroups[0]?.segments
  assert.deepEqual(chain, [...base, ...delta])
  assert.equal(ledger.stateBytes, 6_100, 'of what is complete')
})

test('a chain grows by completed checkpoints only', () => {
  const ledger = new SegmentLedger()
  assert.equal(ledger.decide(1, 'checkpoint')('op', 3), 'base')
  const first = ref('base', 1, 5_000)
  assert.deepEqual(ledger.chainsOf(1, [piece(3, first)]), [
    { operatorUid: 'op', keyGroups: [{ keyGroup: 3, segments: [first] }] },
  ])
  ledger.onAborted(1)
  assert.equal(ledger.decide(2, 'checkpoint')('op', 3), 'base')
  const second = ref('base', 2, 5_000)
  ledger.chainsOf(2, [piece(3, second)])
  ledger.onComplete(2)
  assert.equal(ledger.stateBytes, 5_000)
  assert.equal(ledger.decide(3, 'checkpoint')('op', 3), 'delta')
  const third = ref('delta', 3, 10)
  assert.deepEqual(ledger.chainsOf(3, [piece(3, third)])[0]?.keyGroups[0]?.segments, [second, third])
})

test('no delta leaves a group as it was; no base for one that was to get one means that it is empty', () => {
  const restored = [{ operatorUid: 'op', keyGroups: [{ keyGroup: 3, segments: [ref('base', 1, 5_000)] }] }]
  const ledger = new SegmentLedger(restored)
  ledger.decide(2, 'checkpoint')('op', 3)
  assert.deepEqual(ledger.chainsOf(2, []), restored)
  ledger.onAborted(2)
  ledger.decide(3, 'full-checkpoint')('op', 3)
  assert.deepEqual(ledger.chainsOf(3, []), [])
})

test('a savepoint is a full checkpoint, which the next one builds on', () => {
  const ledger = new SegmentLedger([
    { operatorUid: 'op', keyGroups: [{ keyGroup: 1, segments: [ref('base', 1, 5_000)] }] },
  ])
  assert.equal(ledger.decide(2, 'savepoint')('op', 1), 'base')
  const own = ref('base', 2, 5_000)
  assert.deepEqual(ledger.chainsOf(2, [piece(1, own)])[0]?.keyGroups[0]?.segments, [own])
  ledger.onComplete(2)
  ledger.decide(3, 'checkpoint')('op', 1)
  assert.equal(ledger.chainsOf(3, [])[0]?.keyGroups[0]?.segments[0]?.checkpointId, 2)
})

test('the deltas of a snapshot build on what was complete when it began', () => {
  const ledger = new SegmentLedger([
    { operatorUid: 'op', keyGroups: [{ keyGroup: 1, segments: [ref('base', 1, 5_000)] }] },
  ])
  ledger.decide(2, 'full-checkpoint')('op', 1)
  ledger.decide(3, 'checkpoint')('op', 1)
  ledger.chainsOf(2, [])
  ledger.onComplete(2)
  assert.deepEqual(
    ledger.chainsOf(3, [piece(1, ref('delta', 3, 5))])[0]?.keyGroups[0]?.segments.map((each) => each.checkpointId),
    [1, 3],
  )
})

test('a group in a file that is mostly dead gets a new base', () => {
  const ledger = new SegmentLedger()
  const decide = ledger.decide(1, 'checkpoint')
  for (const keyGroup of [0, 1, 2]) decide('op', keyGroup)
  ledger.chainsOf(
    1,
    [0, 1, 2].map((keyGroup) => piece(keyGroup, ref('base', 1, 5_000, keyGroup * 5_000))),
  )
  ledger.onComplete(1)
  const again = ledger.decide(2, 'full-checkpoint')
  again('op', 0)
  again('op', 1)
  ledger.chainsOf(2, [piece(0, ref('base', 2, 5_000)), piece(1, ref('base', 2, 5_000, 5_000))])
  ledger.onComplete(2)
  const third = ledger.decide(3, 'checkpoint')
  assert.deepEqual([third('op', 2), third('op', 0)], ['base', 'delta'])
})

test('a piece that nobody asked for is a fault', () => {
  const ledger = new SegmentLedger()
  ledger.decide(1, 'checkpoint')('op', 1)
  assert.throws(() => ledger.chainsOf(1, [piece(1, ref('delta', 1, 5))]))
  const [base, goesOn] = inPieces('base', 1, 10, 2) as [SegmentRef, SegmentRef]
  assert.throws(() => ledger.chainsOf(1, [piece(1, goesOn)]), 'a continuation of nothing')
  assert.throws(() => ledger.chainsOf(1, [piece(1, base), piece(2, goesOn)]), 'of another key group')
  assert.throws(() => ledger.chainsOf(1, [piece(1, base), piece(1, base)]), 'two bases')
  assert.throws(() => ledger.chainsOf(9, []))
})

test('replaying the named chains always gives the state of the snapshot, whatever aborts and completes', () => {
  const step = fc.record({
    changes: fc.array(fc.record({ group: fc.nat(3), key: fc.nat(3), value: fc.option(fc.nat(99)) }), { maxLength: 6 }),
    kind: fc.constantFrom(
      'checkpoint' as const,
      'checkpoint' as const,
      'full-checkpoint' as const,
      'savepoint' as const,
    ),
    isComplete: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const ledger = new SegmentLedger()
      const state = new Map<number, Map<number, number>>()
      const dirty = new Map<number, Set<number>>()
      const stored = new Map<SegmentRef, ReadonlyMap<number, number | null>>()
      steps.forEach(({ changes, kind, isComplete }, i) => {
        for (const { group, key, value } of changes) {
          const entries = state.get(group) ?? new Map<number, number>()
          state.set(group, entries)
          if (value === null) entries.delete(key)
          else entries.set(key, value)
          dirty.set(group, (dirty.get(group) ?? new Set()).add(key))
        }
        const id = i + 1
        const decide = ledger.decide(id, kind)
        const pieces: StoredPiece[] = []
        for (const [group, entries] of state) {
          const segmentKind = decide('op', group)
          const changed = dirty.get(group) ?? new Set()
          const content =
            segmentKind === 'base'
              ? new Map<number, number | null>(entries)
              : new Map([...changed].map((key) => [key, entries.get(key) ?? null]))
          if (content.size === 0) continue
          // Each entry in a piece of its own, the first of them begins the segment.
          const segments = inPieces(segmentKind, id, content.size * 600, content.size)
          for (const [at, [key, value]] of [...content].entries()) {
            const segment = segments[at] as SegmentRef
            stored.set(segment, new Map([[key, value]]))
            pieces.push(piece(group, segment))
          }
        }
        const read = new Map<number, Map<number, number>>()
        for (const { keyGroup, segments } of ledger.chainsOf(id, pieces).flatMap((operator) => operator.keyGroups)) {
          const entries = new Map<number, number>()
          for (const segment of segments) {
            for (const [key, value] of stored.get(segment) ?? []) {
              if (value === null) entries.delete(key)
              else entries.set(key, value)
            }
          }
          if (entries.size > 0) read.set(keyGroup, entries)
        }
        assert.deepEqual(sorted(read), sorted(state))
        if (isComplete) {
          ledger.onComplete(id)
          dirty.clear()
        } else {
          ledger.onAborted(id)
        }
      })
    }),
    { numRuns: 400 },
  )
})

function sorted(groups: ReadonlyMap<number, ReadonlyMap<number, number>>): unknown {
  return [...groups]
    .filter(([, entries]) => entries.size > 0)
    .sort(([a], [b]) => a - b)
    .map(([group, entries]) => [group, [...entries].sort(([a], [b]) => a - b)])
}
