import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SegmentRef } from '../../src/checkpoint/manifest.ts'
import { chainProblem, continues, measureChain } from '../../src/checkpoint/segment-chain.ts'

const ref = (
  kind: 'base' | 'delta',
  checkpointId: number,
  lengthBytes: number,
  isContinuation = false,
): SegmentRef => ({
  kind,
  ...(isContinuation ? { isContinuation } : {}),
  checkpointId,
  location: { kind: 'file', file: `shared/${checkpointId}`, offsetBytes: 0 },
  lengthBytes,
  crc32c: 0,
  entries: 1,
})

const base = ref('base', 1, 100)
const baseGoesOn = ref('base', 1, 40, true)
const delta = ref('delta', 2, 10)
const deltaGoesOn = ref('delta', 2, 5, true)

const NOT_A_CHAIN = 'not one base followed by deltas'
const LOOSE = 'a continuation without what it continues'
const chains: readonly (readonly [string, readonly SegmentRef[], string | undefined])[] = [
  ['a base', [base], undefined],
  ['a base with continuations', [base, baseGoesOn, baseGoesOn], undefined],
  ['deltas with continuations', [base, delta, deltaGoesOn, ref('delta', 3, 1)], undefined],
  ['continuations of both', [base, baseGoesOn, delta, deltaGoesOn], undefined],
  ['nothing', [], NOT_A_CHAIN],
  ['a delta alone', [delta], NOT_A_CHAIN],
  ['two bases', [base, ref('base', 2, 1)], NOT_A_CHAIN],
  ['a base behind a delta', [base, delta, base], NOT_A_CHAIN],
  ['a continuation at the beginning', [baseGoesOn], LOOSE],
  ['a continuation of another kind', [base, deltaGoesOn], LOOSE],
  ['a continuation of another checkpoint', [base, delta, ref('delta', 3, 1, true)], LOOSE],
  ['a continuation behind a delta of what is before it', [base, delta, baseGoesOn], LOOSE],
]

for (const [what, segments, problem] of chains) {
  test(`${what}: ${problem ?? 'a chain'}`, () => assert.equal(chainProblem(segments), problem))
}

test('continuations count with what they continue, and as no further delta', () => {
  const segments = [base, baseGoesOn, delta, deltaGoesOn, deltaGoesOn, ref('delta', 3, 1)]
  assert.deepEqual(measureChain(segments), { baseBytes: 140, deltas: 2, deltaBytes: 21 })
  assert.deepEqual(measureChain([]), { baseBytes: 0, deltas: 0, deltaBytes: 0 })
})

test('a continuation stands behind a segment of its kind and checkpoint', () => {
  assert.equal(continues(baseGoesOn, base), true)
  assert.equal(continues(baseGoesOn, baseGoesOn), true)
  assert.equal(continues(baseGoesOn, undefined), false)
})
