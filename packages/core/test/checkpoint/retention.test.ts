import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CheckpointManifest, MANIFEST_VERSION } from '../../src/checkpoint/manifest.ts'
import { decideRetention, filesOf } from '../../src/checkpoint/retention.ts'

const manifest = (checkpointId: number, files: readonly string[]): CheckpointManifest => ({
  version: MANIFEST_VERSION,
  jobName: 'job',
  lineage: '0123456789abcdef',
  checkpointId,
  kind: 'checkpoint',
  triggeredAtMs: 0,
  completedAtMs: 0,
  isFinal: false,
  operators: [
    {
      uid: 'op',
      name: 'Op',
      parallelism: 1,
      maxParallelism: 128,
      tables: [],
      keyGroups: files.map((file, keyGroup) => ({
        keyGroup,
        segments: [
          {
            kind: 'base',
            checkpointId,
            location: { kind: 'file', file, offsetBytes: 0 },
            lengthBytes: 1,
            crc32c: 0,
            entries: 1,
          },
        ],
      })),
      entries: [],
      committables: [],
      finishedSubtasks: [],
    },
  ],
})

const idsOf = (manifests: readonly CheckpointManifest[]): number[] => manifests.map((each) => each.checkpointId)

test('the newest are kept; a file goes with the last checkpoint that names it', () => {
  const checkpoints = [manifest(3, ['b', 'c']), manifest(1, ['a', 'b']), manifest(2, ['b'])]
  const decision = decideRetention({ checkpoints, retainedMax: 1 })
  assert.deepEqual(idsOf(decision.keep), [3])
  assert.deepEqual(idsOf(decision.drop), [1, 2])
  assert.deepEqual(decision.deadFiles, ['a'])
})

test('a file with data in flight lives as long as its checkpoint', () => {
  const named = manifest(2, ['a'])
  const [operator] = named.operators
  const [segment] = operator?.keyGroups[0]?.segments ?? []
  assert.ok(operator !== undefined && segment !== undefined)
  const inFlight = [
    {
      subtask: 0,
      from: ['up'],
      segment: { ...segment, location: { kind: 'file' as const, file: 'f', offsetBytes: 0 } },
    },
  ]
  const withInFlight = { ...named, operators: [{ ...operator, inFlight }] }
  assert.deepEqual(filesOf([withInFlight]), new Set(['a', 'f']))
  assert.deepEqual(decideRetention({ checkpoints: [withInFlight, manifest(3, ['a'])], retainedMax: 1 }).deadFiles, [
    'f',
  ])
})

test('what is in use stays, and at least one is always kept', () => {
  const checkpoints = [manifest(1, ['a']), manifest(2, ['b'])]
  const decision = decideRetention({ checkpoints, retainedMax: 0, inUse: new Set([1]) })
  assert.deepEqual(idsOf(decision.keep), [1, 2])
  assert.deepEqual(decision.deadFiles, [])
})

test('never drops a file with a live segment, and every file that lost its last owner is dead', () => {
  const checkpointsArbitrary = fc.uniqueArray(fc.tuple(fc.nat(20), fc.array(fc.nat(8).map(String), { maxLength: 5 })), {
    selector: ([id]) => id,
    maxLength: 8,
  })
  fc.assert(
    fc.property(
      checkpointsArbitrary,
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.nat(20)),
      (all, retainedMax, inUse) => {
        const checkpoints = all.map(([id, files]) => manifest(id + 1, files))
        const decision = decideRetention({ checkpoints, retainedMax, inUse: new Set(inUse) })
        const live = filesOf(decision.keep)
        assert.ok(decision.deadFiles.every((file) => !live.has(file)))
        const everything = new Set([...live, ...decision.deadFiles])
        assert.deepEqual(everything, new Set(filesOf(checkpoints)))
        assert.equal(decision.keep.length + decision.drop.length, checkpoints.length)
        const oldestCounted = idsOf(checkpoints).sort((a, b) => b - a)[retainedMax - 1] ?? 0
        for (const id of idsOf(decision.drop)) assert.ok(id < oldestCounted && !inUse.includes(id))
      },
    ),
  )
})
