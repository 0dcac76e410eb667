import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { takeInventory } from '../../src/checkpoint/checkpoint-inventory.ts'
import { type CheckpointManifest, MANIFEST_VERSION, type SegmentRef } from '../../src/checkpoint/manifest.ts'

/** A file of its own for each segment unless one is named. */
function segment(checkpointId: number, kind: 'base' | 'delta', lengthBytes: number, file?: string): SegmentRef {
  const location =
    file === 'inline'
      ? { kind: 'inline' as const, base64: `${checkpointId}` }
      : { kind: 'file' as const, file: file ?? `shared/${checkpointId}-${kind}-${lengthBytes}`, offsetBytes: 0 }
  return { kind, checkpointId, location, lengthBytes, crc32c: lengthBytes, entries: 1 }
}

function manifest(
  checkpointId: number,
  chains: readonly (readonly SegmentRef[])[],
  more: Partial<CheckpointManifest> = {},
): CheckpointManifest {
  return {
    version: MANIFEST_VERSION,
    jobName: 'job',
    lineage: '0123456789abcdef',
    checkpointId,
    kind: 'checkpoint',
    triggeredAtMs: 1_000,
    completedAtMs: 1_250,
    isFinal: false,
    operators: [
      {
        uid: 'op',
        name: 'Op',
        parallelism: 2,
        maxParallelism: 128,
        tables: [],
        keyGroups: chains.map((segments, keyGroup) => ({ keyGroup, segments })),
        entries: [],
        committables: ['prepared'],
        finishedSubtasks: [],
      },
    ],
    ...more,
  }
}

const base1 = segment(1, 'base', 100)
const other1 = segment(1, 'base', 40, 'shared/other')
const delta2 = segment(2, 'delta', 10)
const delta3 = segment(3, 'delta', 7)

describe('takeInventory', () => {
  it('tells what each wrote, what it refers to, and who refers to it', () => {
    const [first, second, third] = takeInventory([
      manifest(3, [[base1, delta2, delta3]]),
      manifest(1, [[base1], [other1]]),
      manifest(2, [[base1, delta2], [other1]]),
    ])
    assert.deepEqual(
      [first, second, third].map((each) => each?.checkpointId),
      [1, 2, 3],
    )
    assert.equal(first?.stateBytes, 140)
    assert.equal(first?.ownBytes, 140)
    assert.deepEqual(first?.reused, [])
    assert.deepEqual(first?.neededBy, [
      { checkpointId: 2, bytes: 140, segments: 2 },
      { checkpointId: 3, bytes: 100, segments: 1 },
    ])
    assert.equal(first?.neededBytes, 140, 'what both need counts once')
    assert.equal(first?.freedBytes, 0)

    assert.deepEqual(second?.reused, [{ checkpointId: 1, bytes: 140, segments: 2 }])
    assert.deepEqual([second?.ownBytes, second?.ownBases, second?.ownDeltas, second?.deltasMax], [10, 0, 1, 1])

    assert.deepEqual(third?.reused, [
      { checkpointId: 1, bytes: 100, segments: 1 },
      { checkpointId: 2, bytes: 10, segments: 1 },
    ])
    assert.deepEqual([third?.deltasMax, third?.ownFiles, third?.freedBytes], [2, 1, 7])
    assert.deepEqual(third?.neededBy, [])
    assert.deepEqual(third?.operators, [
      { uid: 'op', name: 'Op', parallelism: 2, stateBytes: 117, ownBytes: 7, keyGroups: 1, committables: 1 },
    ])
  })

  it('counts a base or delta once, in however many segments it is, and the bytes of all of them', () => {
    const goesOn = { ...segment(1, 'base', 30, 'shared/goes-on'), isContinuation: true }
    const deltaGoesOn = { ...segment(2, 'delta', 5, 'shared/delta-goes-on'), isContinuation: true }
    const [first, second] = takeInventory([
      manifest(1, [[base1, goesOn, goesOn], [other1]]),
      manifest(2, [[base1, goesOn, goesOn, delta2, deltaGoesOn], [other1]]),
    ])
    assert.deepEqual([first?.ownBases, first?.ownBytes, first?.deltasMax], [2, 200, 0])
    assert.deepEqual([second?.ownDeltas, second?.ownBytes, second?.deltasMax], [1, 15, 1])
    assert.deepEqual(second?.reused, [{ checkpointId: 1, bytes: 200, segments: 4 }])
  })

  it('counts what is in the manifest as written and as no file', () => {
    const inline = segment(4, 'base', 12, 'inline')
    const [contents, next] = takeInventory([manifest(4, [[inline]]), manifest(5, [[inline]])])
    assert.deepEqual([contents?.inlineBytes, contents?.ownFiles, contents?.freedBytes], [12, 0, 0])
    assert.deepEqual(next?.reused, [{ checkpointId: 4, bytes: 12, segments: 1 }])
    assert.equal(contents?.neededBytes, 12)
  })

  it('counts data in flight apart from state, and its file with the others', () => {
    const segmentInFlight = segment(2, 'base', 30, 'shared/in-flight')
    const [operator] = manifest(2, [[base1]]).operators
    assert.ok(operator !== undefined)
    const inFlight = [{ subtask: 0, from: ['source'], segment: segmentInFlight }]
    const [, second] = takeInventory([
      manifest(1, [[base1]]),
      manifest(2, [], { operators: [{ ...operator, inFlight }] }),
    ])
    assert.deepEqual([second?.inFlightBytes, second?.stateBytes, second?.ownBytes], [30, 100, 0])
    assert.deepEqual([second?.ownFiles, second?.freedBytes], [1, 30])
  })

  it('gives a savepoint all that it names, and lets it need nothing', () => {
    const [first, savepoint] = takeInventory([
      manifest(1, [[base1]]),
      manifest(2, [[{ ...base1, location: { kind: 'file', file: 'segments', offsetBytes: 0 } }]], {
        kind: 'savepoint',
      }),
    ])
    assert.deepEqual([savepoint?.ownBytes, savepoint?.reused], [100, []])
    assert.deepEqual(first?.neededBy, [])
  })

  it('of any checkpoints: state is what is its own and what it re-uses, and what is freed no other one names', () => {
    const chain = fc.array(fc.record({ by: fc.integer({ min: 1, max: 4 }), bytes: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(fc.array(fc.array(chain, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), (checkpoints) => {
        const manifests = checkpoints.map((chains, at) =>
          manifest(
            at + 1,
            chains.map((links) =>
              links.map(({ by, bytes }, i) => segment(Math.min(by, at + 1), i === 0 ? 'base' : 'delta', bytes)),
            ),
          ),
        )
        const filesOf = ({ operators }: CheckpointManifest): string[] =>
          operators.flatMap(({ keyGroups }) =>
            keyGroups.flatMap(({ segments }) =>
              segments.map(({ location }) => (location.kind === 'file' ? location.file : '')),
            ),
          )
        for (const [at, contents] of takeInventory(manifests).entries()) {
          const reused = contents.reused.reduce((sum, { bytes }) => sum + bytes, 0)
          assert.equal(contents.stateBytes, contents.ownBytes + reused)
          const elsewhere = new Set(manifests.flatMap((each, other) => (other === at ? [] : filesOf(each))))
          const alone = new Set(filesOf(manifests[at] as CheckpointManifest).filter((file) => !elsewhere.has(file)))
          assert.equal(contents.ownFiles, alone.size)
          assert.ok(contents.neededBytes <= contents.neededBy.reduce((sum, { bytes }) => sum + bytes, 0))
        }
      }),
    )
  })
})
