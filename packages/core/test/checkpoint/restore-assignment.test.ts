import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import fc from 'fast-check'
import type { SubtaskRecord } from '../../src/checkpoint/checkpoint-statistics.ts'
import {
  type CheckpointManifest,
  type InFlightSnapshot,
  type KeyGroupSnapshot,
  MANIFEST_VERSION,
  type OperatorSnapshot,
  type SegmentRef,
} from '../../src/checkpoint/manifest.ts'
import { assembleManifest } from '../../src/checkpoint/manifest-assembly.ts'
import { assignRestore } from '../../src/checkpoint/restore-assignment.ts'
import type { PhysicalPlan, PlanVertex } from '../../src/plan/physical-plan.ts'

const group = (keyGroup: number): KeyGroupSnapshot => ({
  keyGroup,
  segments: [
    {
      kind: 'base',
      checkpointId: 1,
      location: { kind: 'inline', base64: '' },
      lengthBytes: 0,
      crc32c: 0,
      entries: 0,
    },
  ],
})

const operator = (uid: string, change: Partial<OperatorSnapshot> = {}): OperatorSnapshot => ({
  uid,
  name: uid,
  parallelism: 2,
  maxParallelism: 16,
  tables: [],
  keyGroups: [],
  entries: [],
  committables: [],
  finishedSubtasks: [],
  ...change,
})

const manifestOf = (operators: readonly OperatorSnapshot[]): CheckpointManifest => ({
  version: MANIFEST_VERSION,
  jobName: 'job',
  lineage: '0123456789abcdef',
  checkpointId: 4,
  kind: 'checkpoint',
  triggeredAtMs: 0,
  completedAtMs: 0,
  isFinal: false,
  operators,
})

const vertex = (parallelism: number, steps: readonly (readonly [uid: string, kind: string])[]): PlanVertex => ({
  id: steps[0]?.[0] ?? '',
  name: steps[0]?.[0] ?? '',
  parallelism,
  maxParallelism: 16,
  slotSharingGroup: 'default',
  isSource: steps[0]?.[1] === 'source',
  steps: steps.map(([uid, kind], nodeId) => ({
    nodeId,
    uid,
    uidIsDerived: false,
    name: uid,
    kind,
    facts: {},
    states: [],
  })),
})

const planOf = (...vertices: readonly PlanVertex[]): PhysicalPlan => ({
  version: 1,
  jobName: 'job',
  graphHash: '',
  vertices,
  edges: [],
  warnings: [],
})

const OPTIONS = { allowNonRestoredState: false, file: 'chk-4/_metadata' }

test('key groups go by range, entries round robin, at any parallelism', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 16 }),
      fc.uniqueArray(fc.nat(15)),
      fc.array(fc.nat(100)),
      (parallelism, groups, entries) => {
        const keyGroups = groups.sort((a, b) => a - b).map(group)
        const manifest = manifestOf([operator('w', { keyGroups, entries })])
        const subtasks = assignRestore(manifest, planOf(vertex(parallelism, [['w', 'window']])), OPTIONS).vertices.get(
          'w',
        )
        assert.equal(subtasks?.length, parallelism)
        const dealt = (subtasks ?? []).flatMap((subtask, i) =>
          (subtask.operators[0]?.keyGroups ?? []).map((each) => {
            assert.equal(Math.floor((each.keyGroup * parallelism) / 16), i)
            return each.keyGroup
          }),
        )
        assert.deepEqual(dealt, groups)
        const counts = (subtasks ?? []).map((subtask) => subtask.operators[0]?.entries.length ?? 0)
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
        const back = (subtasks ?? []).flatMap((subtask) => subtask.operators[0]?.entries ?? [])
        assert.deepEqual([...back].sort(), [...entries].sort())
      },
    ),
  )
})

test('finished subtasks stay finished at the same parallelism, and all of them at any', () => {
  const steps = [['s', 'source']] as const
  const finishedAt = (parallelism: number, finishedSubtasks: readonly number[]): readonly boolean[] =>
    (
      assignRestore(
        manifestOf([operator('s', { finishedSubtasks })]),
        planOf(vertex(parallelism, steps)),
        OPTIONS,
      ).vertices.get('s') ?? []
    ).map((subtask) => subtask.finished)
  assert.deepEqual(finishedAt(2, [1]), [false, true])
  assert.deepEqual(finishedAt(3, [1]), [false, false, false])
  assert.deepEqual(finishedAt(3, [0, 1]), [true, true, true])
})

test('after a drain nothing counts as finished where the input is to be read on', () => {
  const restored = assignRestore(
    manifestOf([operator('s', { finishedSubtasks: [0, 1], entries: ['a', 'b', 'c'] })]),
    planOf(vertex(2, [['s', 'source']])),
    { ...OPTIONS, readsOn: true },
  ).vertices.get('s')
  assert.deepEqual(
    restored?.map(({ finished, operators }) => [finished, operators[0]?.entries]),
    [
      [false, ['a', 'c']],
      [false, ['b']],
    ],
  )
})

test('a chain with a new step is not finished, whatever its old steps were', () => {
  const manifest = manifestOf([operator('s', { finishedSubtasks: [0, 1] })])
  const plan = planOf(
    vertex(2, [
      ['s', 'source'],
      ['new', 'map'],
    ]),
  )
  assert.deepEqual(
    assignRestore(manifest, plan, OPTIONS)
      .vertices.get('s')
      ?.map((each) => each.finished),
    [false, false],
  )
})

test('committables go to their operator as a whole', () => {
  const manifest = manifestOf([operator('sink', { committables: ['a', 'b'] }), operator('other')])
  const plan = planOf(vertex(1, [['sink', 'sink']]), vertex(1, [['other', 'map']]))
  const { committables } = assignRestore(manifest, plan, OPTIONS)
  assert.deepEqual([...committables], [['sink', ['a', 'b']]])
})

test('state that the job has no step for is refused with the name that was probably meant', () => {
  const manifest = manifestOf([operator('hourly-count', { keyGroups: [group(1)] }), operator('stateless')])
  const plan = planOf(vertex(1, [['hourly-counts', 'window']]))
  assert.throws(
    () => assignRestore(manifest, plan, OPTIONS),
    (error) =>
      error instanceof MillraceError &&
      error.code === 'CHECKPOINT_OTHER_JOB' &&
      error.message.includes('"hourly-count" (did you mean "hourly-counts"?)') &&
      error.message.endsWith('No step matched by uid; without state there, so empty: "hourly-counts"') &&
      !error.message.includes('stateless'),
  )
  const { report } = assignRestore(manifest, plan, { ...OPTIONS, allowNonRestoredState: true })
  assert.deepEqual(report, { matched: [], dropped: ['hourly-count'], fresh: ['hourly-counts'] })
})

test('keyed state does not survive another maximum parallelism or a step that is not keyed', () => {
  const keyed = operator('w', { keyGroups: [group(1)] })
  for (const [stored, kind] of [
    [{ ...keyed, maxParallelism: 32 }, 'window'],
    [keyed, 'map'],
  ] as const) {
    assert.throws(
      () => assignRestore(manifestOf([stored]), planOf(vertex(1, [['w', kind]])), OPTIONS),
      (error) => error instanceof MillraceError && error.code === 'CHECKPOINT_OTHER_JOB' && error.hint !== undefined,
    )
  }
  assignRestore(
    manifestOf([operator('s', { maxParallelism: 32, entries: [1] })]),
    planOf(vertex(1, [['s', 'source']])),
    OPTIONS,
  )
})

test('assembling what subtasks acknowledged: sorted groups, interleaved entries, finished subtasks', () => {
  const plan = planOf(
    vertex(2, [
      ['w', 'window'],
      ['sink', 'sink'],
    ]),
  )
  const part = (
    uid: string,
    groups: readonly number[],
    entries: readonly number[],
    committables: readonly string[],
  ) => ({
    uid,
    tables: [],
    keyGroups: groups.map(group),
    entries,
    committables,
  })
  const snapshots = [
    { finished: false, operators: [part('w', [9, 1], [1, 2, 3], []), part('sink', [], [], ['a'])] },
    { finished: true, operators: [part('w', [4], [10], []), part('sink', [], [], ['b'])] },
  ]
  const facts = {
    lineage: '0123456789abcdef',
    futures: [],
    checkpointId: 4,
    kind: 'checkpoint' as const,
    triggeredAtMs: 0,
    completedAtMs: 1,
    isFinal: false,
  }
  const manifest = assembleManifest(plan, facts, (_, subtask) => snapshots[subtask])
  const [window, sink] = manifest.operators
  assert.deepEqual(
    window?.keyGroups.map((each) => each.keyGroup),
    [1, 4, 9],
  )
  assert.deepEqual(window?.entries, [1, 10, 2, 3])
  assert.deepEqual(window?.finishedSubtasks, [1])
  assert.deepEqual(sink?.committables, ['a', 'b'])
  assert.equal(manifest.measures, undefined)
  assert.equal('futures' in manifest, false, 'of the first one')
  const futures = [{ id: '0123456789abcdef', after: 3 }]
  const later = assembleManifest(plan, { ...facts, futures }, (_, subtask) => snapshots[subtask])
  assert.deepEqual(later.futures, futures)
  const measured = { subtask: 0, startDelayMs: 3, alignmentDurationMs: 4 } as SubtaskRecord
  const vertices = (more: unknown[]) => [
    { vertexId: plan.vertices[0]?.id ?? '', subtasks: [measured, ...more] as never },
  ]
  const both = vertices([{ ...measured, subtask: 1 }])
  const { measures } = assembleManifest(plan, facts, (_, subtask) => snapshots[subtask], both)
  assert.deepEqual(measures, [{ ...both[0], name: plan.vertices[0]?.name }])
  assert.equal(
    assembleManifest(plan, facts, (_, subtask) => snapshots[subtask], vertices([undefined])).measures,
    undefined,
  )
  const isInternal = (error: unknown): boolean => error instanceof MillraceError && error.code === 'INTERNAL'
  assert.throws(() => assembleManifest(plan, facts, (_, subtask) => snapshots[subtask + 1]), isInternal)
  assert.throws(() => assembleManifest(plan, facts, () => snapshots[0]), isInternal)
})

const inFlightOf = (subtask: number, ...from: string[]): InFlightSnapshot => ({
  subtask,
  from,
  segment: { ...(group(0).segments[0] as SegmentRef), lengthBytes: subtask },
})

function withExchange(receiver: PlanVertex): PhysicalPlan {
  const source = vertex(1, [
    ['s', 'source'],
    ['m', 'map'],
  ])
  const edge = { id: 'e', from: 's', fromStep: 1, sideOutput: undefined, to: receiver.id } as const
  return { ...planOf(source, receiver), edges: [{ ...edge, partitioning: { kind: 'hash', field: 'k' } }] }
}

test('data in flight is given to all whose key groups it may hold, and to one for what has no key', () => {
  const manifest = manifestOf([operator('w', { inFlight: [inFlightOf(0, 'm'), inFlightOf(1, 'm')] })])
  const takenAt = (parallelism: number): readonly (readonly number[])[] => {
    const { vertices } = assignRestore(manifest, withExchange(vertex(parallelism, [['w', 'window']])), OPTIONS)
    return (vertices.get('w') ?? []).map(({ operators }) =>
      operators.flatMap(({ inFlight }) => inFlight.map((each) => each.subtask)),
    )
  }
  assert.deepEqual(takenAt(2), [[0], [1]])
  assert.deepEqual(takenAt(1), [[0, 1]])
  // Subtask 1 of 3 has key groups of both; of records without keys, subtask 1 takes what 1 had.
  assert.deepEqual(takenAt(3), [[0], [0, 1], [1]])
})

test('data in flight that has no place in the job is refused, by where it came from', () => {
  const refused = (manifest: CheckpointManifest, plan: PhysicalPlan, message: RegExp): void =>
    assert.throws(
      () => assignRestore(manifest, plan, OPTIONS),
      (error) =>
        error instanceof MillraceError &&
        error.code === 'CHECKPOINT_OTHER_JOB' &&
        error.hint !== undefined &&
        message.test(error.message),
    )
  const manifest = manifestOf([operator('w', { inFlight: [inFlightOf(0, 'm')] })])
  refused(
    manifest,
    planOf(
      vertex(2, [
        ['s', 'source'],
        ['w', 'map'],
      ]),
    ),
    /from "m" to "w"/,
  )
  refused(manifest, { ...withExchange(vertex(2, [['w', 'window']])), edges: [] }, /from "m" to "w"/)
  refused(manifest, planOf(vertex(2, [['other', 'map']])), /holds state of "w"/)
  const wider = { ...vertex(2, [['w', 'window']]), maxParallelism: 32 }
  refused(manifest, withExchange(wider), /maximum parallelism 16/)
})

test('assembling keeps whose data in flight it is', () => {
  const plan = planOf(vertex(2, [['w', 'window']]))
  const { subtask: _, ...inFlight } = inFlightOf(1, 'm')
  const part = { uid: 'w', tables: [], keyGroups: [], entries: [], committables: [] }
  const snapshots = [
    { finished: false, operators: [part] },
    { finished: false, operators: [{ ...part, inFlight }] },
  ]
  const facts = {
    lineage: '0123456789abcdef',
    futures: [],
    checkpointId: 4,
    kind: 'checkpoint' as const,
    triggeredAtMs: 0,
    completedAtMs: 1,
    isFinal: false,
  }
  const [window] = assembleManifest(plan, facts, (_id, subtask) => snapshots[subtask]).operators
  assert.deepEqual(window?.inFlight, [inFlightOf(1, 'm')])
})
