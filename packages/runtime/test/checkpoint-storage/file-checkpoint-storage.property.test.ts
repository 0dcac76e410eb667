import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileSystem } from '@millrace/api'
import { type CheckpointManifest, decideRetention, type SegmentRef } from '@millrace/core'
import { type DiskOperation, SeededRandom, SimulatedDisk } from '@millrace/testing'
import fc from 'fast-check'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { manifestOf, segmentOf } from './checkpoint-samples.ts'

const SUBTASKS = 2
const FOLDER = 'work/checkpoints'

interface Run {
  /** Completed and, as far as the process knew, not dropped. */
  readonly kept: Set<number>
  nextId: number
  chains: readonly (readonly SegmentRef[])[]
  manifests: readonly CheckpointManifest[]
}

/** What the coordinator does: segments of two subtasks at once, the manifest, then retention; forever. */
async function writeCheckpoints(files: FileSystem, run: Run, random: () => number, rounds: number): Promise<void> {
  const storage = new FileCheckpointStorage(files, FOLDER)
  await storage.open()
  await storage.removeLeftovers()
  for (let round = 0; round < rounds; round++) {
    const id = run.nextId++
    const kinds = run.chains.map((chain) => (chain.length === 0 || random() < 0.4 ? 'base' : 'delta'))
    try {
      const written = await Promise.all(
        kinds.map((kind, subtask) =>
          storage.writeSegments({
            checkpointId: id,
            attempt: 0,
            vertexId: 'v',
            subtask,
            pieces: [segmentOf(kind, `${id}/${subtask}/${run.nextId}`)],
            inlineBytesMax: random() < 0.2 ? 1_000 : 0,
          }),
        ),
      )
      const chains = run.chains.map((chain, subtask) => {
        const added = written[subtask] ?? []
        return kinds[subtask] === 'base' ? added : [...chain, ...added]
      })
      const manifest = manifestOf(id, chains)
      await storage.writeManifest(manifest)
      run.chains = chains
      run.kept.add(id)
      const retention = decideRetention({ checkpoints: [...run.manifests, manifest], retainedMax: 2 })
      for (const dropped of retention.drop) run.kept.delete(dropped.checkpointId)
      run.manifests = retention.keep
      await storage.discard(
        retention.drop.map((dropped) => dropped.checkpointId),
        retention.deadFiles,
      )
    } catch {
      const own = [0, 1].map((subtask) => `shared/${id}-v-${subtask}-0.seg`)
      await storage.discard([id], own)
    }
  }
}

async function check(files: FileSystem, run: Run): Promise<readonly CheckpointManifest[]> {
  const storage = new FileCheckpointStorage(files, FOLDER)
  const listed = await storage.listCheckpoints()
  for (const checkpoint of listed) {
    assert.equal(checkpoint.state, 'whole', checkpoint.state === 'damaged' ? String(checkpoint.problem) : '')
    if (checkpoint.state !== 'whole') continue
    for (const { segments } of checkpoint.manifest.operators.flatMap((operator) => operator.keyGroups)) {
      for (const ref of segments) await storage.readSegment(ref)
    }
  }
  const ids = new Set(listed.map((checkpoint) => checkpoint.checkpointId))
  for (const id of run.kept) assert.ok(ids.has(id), `checkpoint ${id} was completed and is there`)
  return listed.flatMap((checkpoint) => (checkpoint.state === 'whole' ? [checkpoint.manifest] : []))
}

interface Plan {
  readonly seed: number
  /** After how many operations the machine (or only the process) dies, per life. */
  readonly lives: readonly { readonly operations: number; readonly isCrash: boolean }[]
  /** Of a hundred operations this many fail. */
  readonly faultPercent: number
}

const planArbitrary: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  lives: fc.array(fc.record({ operations: fc.integer({ min: 1, max: 220 }), isCrash: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
  faultPercent: fc.constantFrom(0, 0, 3, 15),
})

const FAULTY = new Set<DiskOperation['kind']>(['write', 'sync', 'sync-folder', 'rename', 'create', 'remove'])

test('whenever the machine dies, no manifest names missing bytes and no completed checkpoint is lost', async () => {
  await fc.assert(
    fc.asyncProperty(planArbitrary, async (plan) => {
      const seeded = new SeededRandom(plan.seed)
      const random = (): number => seeded.fraction()
      const run: Run = { kept: new Set(), nextId: 1, chains: Array(SUBTASKS).fill([]), manifests: [] }
      for (const life of plan.lives) await live(run, life, plan.faultPercent, random)
    }),
    { numRuns: 150 },
  )
})

/** All lives share one disk per property run, kept here by run. */
const disks = new WeakMap<Run, { disk: SimulatedDisk; waiting: (() => void)[]; isFaulty: { value: number } }>()

function diskOf(run: Run, random: () => number) {
  const known = disks.get(run)
  if (known !== undefined) return known
  const waiting: (() => void)[] = []
  const isFaulty = { value: 0 }
  const disk = new SimulatedDisk({
    random,
    schedule: (_, { complete }) => waiting.push(complete),
    fault: ({ kind }) => (FAULTY.has(kind) && random() * 100 < isFaulty.value ? 'io' : undefined),
  })
  const made = { disk, waiting, isFaulty }
  disks.set(run, made)
  return made
}

async function live(run: Run, life: Plan['lives'][number], faultPercent: number, random: () => number): Promise<void> {
  const { disk, waiting, isFaulty } = diskOf(run, random)
  isFaulty.value = faultPercent
  // A disk that fails while the folders are made is a job that does not start.
  const writing = writeCheckpoints(disk.mount(), run, random, 12).catch(() => {})
  await drive(writing, waiting, random, life.operations)
  if (life.isCrash) disk.crash()
  else disk.killProcess()
  waiting.length = 0
  isFaulty.value = 0
  // With failing removals a dropped checkpoint may still be there; it then has to be whole as well.
  const checking = check(disk.mount(), run).then((manifests) => {
    run.manifests = manifests
    const newest = manifests.at(-1)
    run.chains = newest?.operators[0]?.keyGroups.map((group) => group.segments) ?? Array(SUBTASKS).fill([])
    run.kept.clear()
    for (const manifest of manifests) run.kept.add(manifest.checkpointId)
    run.nextId = Math.max(run.nextId, (newest?.checkpointId ?? 0) + 1)
  })
  await drive(checking, waiting, random, Number.POSITIVE_INFINITY)
  await checking
}

/** Completes waiting operations in random order until the work is done or so many have been. */
async function drive(
  work: Promise<unknown>,
  waiting: (() => void)[],
  random: () => number,
  max: number,
): Promise<void> {
  let isDone = false
  work.then(
    () => {
      isDone = true
    },
    () => {
      isDone = true
    },
  )
  for (let done = 0; done < max; ) {
    await new Promise((resolve) => setImmediate(resolve))
    if (isDone) return
    const [complete] = waiting.splice(Math.floor(random() * waiting.length), 1)
    if (complete === undefined) continue
    complete()
    done++
  }
}
