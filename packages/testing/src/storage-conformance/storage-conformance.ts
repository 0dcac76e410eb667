/**
 * What every checkpoint storage must do, as a suite for Node's test runner: store and read back, keep what is complete and
 * nothing else when its process dies or an operation fails at any step, tell damaged bytes and name where they are, and
 * leave nothing behind when there is no room.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ErrorCode, MillraceError } from '@millrace/api'
import { filesOf, type SegmentRef } from '@millrace/core'
import type { CheckpointStorage, ListedCheckpoint, NewSegment } from '@millrace/runtime'
import { checkSegments, manifestOf, StorageDrill, segmentOf, writeEach } from './storage-drill.ts'
import type { StorageWorld } from './storage-world.ts'

export interface StorageConformanceOptions {
  /** Of the steps at which a process dies or an operation fails, every so many-th is tried; default 1: all. */
  readonly stride?: number
  /** Why it is not run, if it cannot be here. */
  readonly skip?: string | undefined
}

/** Checkpoints in a life of which a step fails: bases, deltas, inlined segments, dropped checkpoints. */
const ROUNDS = 4

/** Registers the suite under `name`. */
export function checkpointStorageConformance(
  name: string,
  createWorld: () => StorageWorld | Promise<StorageWorld>,
  { stride = 1, skip }: StorageConformanceOptions = {},
): void {
  async function inWorld(body: (world: StorageWorld) => Promise<void>): Promise<void> {
    const world = await createWorld()
    try {
      await body(world)
      assert.deepEqual(world.violations?.() ?? [], [])
    } finally {
      await world.end?.()
    }
  }

  async function opened(world: StorageWorld): Promise<CheckpointStorage> {
    const { storage } = await world.begin()
    await storage.open()
    return storage
  }

  describe(`${name}: checkpoint storage`, { skip: skip ?? false }, () => {
    it('gives segments back, from where any other process reads too', () =>
      inWorld(async (world) => {
        const writer = await opened(world)
        const refs = await write(writer, 1)
        assert.deepEqual(
          refs.map(({ kind, checkpointId, lengthBytes, entries }) => [kind, checkpointId, lengthBytes, entries]),
          [0, 1, 2].map(() => ['base', 1, 60, 1]),
        )
        assert.deepEqual(await writer.writeSegments(batch(2, 1, [])), [])
        const { storage: reader } = await world.begin()
        for (const [group, ref] of refs.entries()) {
          assert.deepEqual(await reader.readSegment(ref), segmentOf('base', 1, `0.${group}`).bytes)
        }
        const turned = [refs[2], refs[0]] as readonly SegmentRef[]
        assert.deepEqual(
          await reader.readSegments(turned),
          turned.map(
            ({ location }) => segmentOf('base', 1, `0.${refs.findIndex((ref) => ref.location === location)}`).bytes,
          ),
        )
        assert.deepEqual(await reader.readSegments([]), [])
      }))

    it('takes segments piece by piece and gives them back in their order', () =>
      inWorld(async (world) => {
        const writer = await opened(world)
        const pieces = [0, 1, 2, 3].map((group) => segmentOf('base', 1, `0.${group}`))
        const target = batch(1, 0, [])
        const writing = writer.beginSegments(target)
        await writing.write(pieces.slice(0, 1))
        await writing.write([])
        await writing.write([{ ...(pieces[1] as NewSegment), isContinuation: true }, pieces[2] as NewSegment])
        assert.deepEqual(await writer.listCheckpoints(), [])
        await writing.write(pieces.slice(3))
        const refs = await writing.finish()
        assert.deepEqual(
          refs.map(({ isContinuation = false }) => isContinuation),
          [false, true, false, false],
        )
        const { storage: reader } = await world.begin()
        assert.deepEqual(
          await reader.readSegments(refs),
          pieces.map(({ bytes }) => bytes),
        )
      }))

    it('keeps small segments out of the store until more comes', () =>
      inWorld(async (world) => {
        const storage = await opened(world)
        const before = await world.contents()
        const target = { ...batch(1, 0, []), inlineBytesMax: 150 }
        const pieces = [0, 1, 2].map((group) => segmentOf('base', 1, `0.${group}`))
        const small = await writeEach(storage, target, pieces.slice(0, 2))
        assert.ok(small.every(({ location }) => location.kind === 'inline'))
        assert.deepEqual([...(await world.contents()).keys()], [...before.keys()])
        const stored = await writeEach(storage, { ...target, subtask: 1 }, pieces)
        assert.ok(stored.every(({ location }) => location.kind === 'file'))
        assert.deepEqual(
          await storage.readSegments(stored),
          pieces.map(({ bytes }) => bytes),
        )
      }))

    it('leaves nothing of what was given up on the way, and all of what was finished', () =>
      inWorld(async (world) => {
        const storage = await opened(world)
        const before = await world.contents()
        const target = batch(1, 0, [])
        for (const written of [0, 1, 2]) {
          const writing = storage.beginSegments({ ...target, subtask: written })
          for (let group = 0; group < written; group++) await writing.write([segmentOf('base', 1, `0.${group}`)])
          await writing.discard()
          await writing.discard()
        }
        const underWay = storage.beginSegments({ ...target, subtask: 3 })
        const writing = underWay.write([segmentOf('base', 1, '0.0')])
        await underWay.discard()
        await Promise.allSettled([writing])
        assert.deepEqual([...(await world.contents()).keys()], [...before.keys()])
        const finished = storage.beginSegments({ ...target, subtask: 4 })
        await finished.write([segmentOf('base', 1, '0.0')])
        const refs = await finished.finish()
        await finished.discard()
        assert.deepEqual(await storage.readSegments(refs), [segmentOf('base', 1, '0.0').bytes])
      }))

    it('gives small segments back without storing them', () =>
      inWorld(async (world) => {
        const storage = await opened(world)
        const before = await world.contents()
        const refs = await write(storage, 1, 0, 1_000)
        assert.ok(refs.every(({ location }) => location.kind === 'inline'))
        assert.deepEqual([...(await world.contents()).keys()], [...before.keys()])
        await storage.writeManifest(manifestOf(1, alone(refs)))
        assert.deepEqual(await storage.readSegment(refs[1] as SegmentRef), segmentOf('base', 1, '0.1').bytes)
      }))

    it('has a checkpoint when its manifest is written, and refuses one that names what is not there', () =>
      inWorld(async (world) => {
        const storage = await opened(world)
        const refs = await write(storage, 1)
        assert.deepEqual(await storage.listCheckpoints(), [])
        const longer = refs.map((ref) => [{ ...ref, lengthBytes: 1_000 }])
        await assert.rejects(storage.writeManifest(manifestOf(1, longer)), isCode('CHECKPOINT_FAILED'))
        const elsewhere = refs.map((ref) => [{ ...ref, location: renamed(ref) }])
        await assert.rejects(storage.writeManifest(manifestOf(1, elsewhere)), isCode('CHECKPOINT_FAILED'))
        assert.deepEqual(await storage.listCheckpoints(), [])
        const manifest = manifestOf(2, alone(refs))
        const path = await storage.writeManifest(manifest)
        const { storage: later } = await world.begin()
        assert.deepEqual(await later.listCheckpoints(), [{ state: 'whole', checkpointId: 2, path, manifest }])
      }))

    it('keeps what other checkpoints name when it drops one, and clears away what was given up', () =>
      inWorld(async (world) => {
        const storage = await opened(world)
        const base = await write(storage, 1)
        await storage.writeManifest(manifestOf(1, alone(base)))
        const named = new Set(Object.keys(Object.fromEntries(await world.contents())))
        await write(storage, 2)
        await storage.removeUnnamedSegments(2, 2, new Set())
        assert.deepEqual([...(await world.contents()).keys()], [...named])
        const delta = await write(storage, 3, 0, 0, 'delta')
        const second = manifestOf(
          3,
          base.map((ref, at) => [ref, delta[at] as SegmentRef]),
        )
        await storage.writeManifest(second)
        await storage.discard([1], [])
        assert.deepEqual(
          (await storage.listCheckpoints()).map(({ checkpointId }) => checkpointId),
          [3],
        )
        await checkSegments(storage, second)
        await storage.discard([3], [...filesOf([second])])
        assert.deepEqual(await storage.listCheckpoints(), [])
      }))

    it('writes a savepoint that stands by itself, and not over anything', () =>
      inWorld(async (world) => {
        const storage = await opened(world)
        const refs = await write(storage, 1)
        const manifest = manifestOf(1, alone(refs))
        await storage.writeManifest(manifest)
        const target = `${storage.folder}-savepoint`
        const path = await storage.writeSavepoint(manifest, target)
        await assert.rejects(storage.writeSavepoint(manifest, target), isCode('SAVEPOINT_FAILED'))
        await storage.discard([1], [...filesOf([manifest])])
        await world.begin()
        const savepoint = await world.openSavepoint(path)
        assert.equal(savepoint.manifest.kind, 'savepoint')
        const copied = savepoint.manifest.operators.flatMap(({ keyGroups }) =>
          keyGroups.flatMap(({ segments }) => segments),
        )
        assert.deepEqual(
          await savepoint.storage.readSegments(copied),
          [0, 1, 2].map((group) => segmentOf('base', 1, `0.${group}`).bytes),
        )
      }))

    it('keeps what is complete and leaves nothing else, at whatever step its process dies', async () => {
      for (let step = 0; ; step += stride) {
        let isDone = false
        await at(`death at step ${step}`, () =>
          inWorld(async (world) => {
            const drill = new StorageDrill()
            const baseline = await baselineOf(world)
            const life = await world.begin({ operationsMax: step })
            const running = drill.run(life.storage, ROUNDS).then((end) => assert.equal(end, 'done'))
            await Promise.race([running, life.ended])
            isDone = life.operations() <= step
            await goOn(world, drill, baseline)
          }),
        )
        if (isDone) return
      }
    })

    it('keeps what is complete and leaves nothing else, at whatever step an operation fails', async () => {
      for (let step = 0; ; step += stride) {
        let isDone = false
        await at(`failure at step ${step}`, () =>
          inWorld(async (world) => {
            const drill = new StorageDrill()
            const baseline = await baselineOf(world)
            const life = await world.begin({ failsAt: step })
            const end = await drill.run(life.storage, ROUNDS)
            if (end === 'done') assert.ok(drill.completed.size > 0)
            // One operation failed once: what could not be done goes with the next life at the latest.
            isDone = life.operations() <= step
            await goOn(world, drill, baseline)
          }),
        )
        if (isDone) return
      }
    })

    /** A next process finds all that was complete, takes a further checkpoint, and leaves nothing that it does not need. */
    async function goOn(world: StorageWorld, drill: StorageDrill, baseline: ReadonlySet<string>): Promise<void> {
      const { storage } = await world.begin()
      await storage.open()
      await drill.check(storage)
      const failures = drill.failures
      assert.equal(await drill.run(storage, 1), 'done')
      assert.equal(drill.failures, failures)
      await drill.check(storage)
      await drill.discardAll(storage)
      const left = [...(await world.contents()).keys()].filter((each) => !baseline.has(each))
      assert.deepEqual(left, [], 'nothing is left when no checkpoint is')
    }

    for (const [how, change] of MANIFEST_DAMAGES) {
      it(`tells a manifest that is ${how}, names it, and still has the checkpoint before`, () =>
        inWorld(async (world) => {
          const { manifestName, storage } = await twoCheckpoints(world)
          const bytes = (await world.contents()).get(manifestName) as Uint8Array
          for (const damaged of change(bytes)) {
            await world.overwrite(manifestName, damaged)
            const problem = await damageOf(storage)
            assert.ok(problem.message.includes(manifestName), `${problem.message} names ${manifestName}`)
            if (how === 'of a newer version') assert.equal(problem.code, 'CHECKPOINT_NEWER_VERSION')
          }
          assert.deepEqual(await storage.removeLeftovers(), [], 'nothing goes while a manifest is damaged')
        }))
    }

    it('tells a manifest that is that of another checkpoint', () =>
      inWorld(async (world) => {
        const { manifestName, olderManifestName, storage } = await twoCheckpoints(world)
        const older = (await world.contents()).get(olderManifestName) as Uint8Array
        await world.overwrite(manifestName, older)
        assert.equal((await damageOf(storage)).code, 'CHECKPOINT_DAMAGED')
      }))

    it('tells segments that are missing or cut off when it lists, and names them', () =>
      inWorld(async (world) => {
        const { segmentName, storage } = await twoCheckpoints(world)
        const bytes = (await world.contents()).get(segmentName) as Uint8Array
        for (const damaged of [
          bytes.subarray(0, bytes.length - 1),
          bytes.subarray(0, 1),
          new Uint8Array(0),
          undefined,
        ]) {
          await world.overwrite(segmentName, damaged)
          const problem = await damageOf(storage)
          assert.equal(problem.code, 'CHECKPOINT_DAMAGED')
          assert.ok(problem.message.includes(segmentName), `${problem.message} names ${segmentName}`)
        }
      }))

    it('tells segments with a wrong byte when it reads them, and names them', () =>
      inWorld(async (world) => {
        const { segmentName, refs, storage } = await twoCheckpoints(world)
        const bytes = (await world.contents()).get(segmentName) as Uint8Array
        for (let position = 0; position < bytes.length; position += 7) {
          const flipped = bytes.slice()
          flipped[position] = (bytes[position] as number) ^ (1 << (position & 7))
          await world.overwrite(segmentName, flipped)
          const results = await Promise.allSettled(refs.map((ref) => storage.readSegment(ref)))
          const failed = results.filter(({ status }) => status === 'rejected')
          assert.equal(failed.length, 1, 'one segment is damaged, the others can be read')
          await assert.rejects(storage.readSegments(refs), (error) => {
            assert.ok(isCode('CHECKPOINT_DAMAGED')(error))
            assert.ok(String(error).includes(segmentName), `${error} names ${segmentName}`)
            return true
          })
        }
      }))

    it('says how much there was no room for, leaves nothing of it, and goes on when there is room again', async (context) => {
      await inWorld(async (world) => {
        if (world.setCapacity === undefined) return context.skip('this world cannot be filled')
        const storage = await opened(world)
        const refs = await write(storage, 1)
        const manifest = manifestOf(1, alone(refs))
        await storage.writeManifest(manifest)
        const before = await world.contents()
        const used = [...before.values()].reduce((sum, { length }) => sum + length, 0)
        world.setCapacity(used + 100)
        const expectFull = (code: ErrorCode, bytes: number) => (error: unknown) => {
          assert.ok(error instanceof MillraceError && error.code === code, String(error))
          assert.equal(error.details.isFull, true)
          assert.ok(Number(error.details.bytes) >= bytes, `${error.details.bytes} of at least ${bytes}`)
          assert.match(error.message, /no room/)
          return true
        }
        await assert.rejects(write(storage, 2), expectFull('CHECKPOINT_FAILED', 180))
        const pieces = [0, 1, 2].map((group) => segmentOf('base', 2, `1.${group}`))
        await assert.rejects(writeEach(storage, batch(2, 1, []), pieces), expectFull('CHECKPOINT_FAILED', 60))
        const largeManifest = manifestOf(2, [], ['x'.repeat(2_000)])
        await assert.rejects(storage.writeManifest(largeManifest), expectFull('CHECKPOINT_FAILED', 2_000))
        const target = `${storage.folder}-savepoint`
        await assert.rejects(storage.writeSavepoint(manifest, target), expectFull('SAVEPOINT_FAILED', 180))
        assert.deepEqual([...(await world.contents()).keys()], [...before.keys()], 'no part of them takes room')
        world.setCapacity(undefined)
        const later = await write(storage, 3)
        await storage.writeManifest(manifestOf(3, alone(later)))
        await storage.writeSavepoint(manifest, target)
        assert.deepEqual(
          (await storage.listCheckpoints()).map(({ checkpointId, state }) => [checkpointId, state]),
          [
            [1, 'whole'],
            [3, 'whole'],
          ],
        )
      })
    })
  })
}

/** Names that are there in a place where nothing has been stored. */
async function baselineOf(world: StorageWorld): Promise<ReadonlySet<string>> {
  return new Set((await world.contents()).keys())
}

const batch = (checkpointId: number, subtask: number, pieces: readonly ReturnType<typeof segmentOf>[]) => ({
  checkpointId,
  attempt: 0,
  vertexId: 'v',
  subtask,
  pieces,
  inlineBytesMax: 0,
})

/** Three segments of one subtask. */
function write(
  storage: CheckpointStorage,
  checkpointId: number,
  subtask = 0,
  inlineBytesMax = 0,
  kind: 'base' | 'delta' = 'base',
): Promise<readonly SegmentRef[]> {
  const pieces = [0, 1, 2].map((group) => segmentOf(kind, checkpointId, `${subtask}.${group}`))
  return storage.writeSegments({ ...batch(checkpointId, subtask, pieces), inlineBytesMax })
}

/** Each in a key group of its own. */
const alone = (refs: readonly SegmentRef[]): readonly (readonly SegmentRef[])[] => refs.map((ref) => [ref])

interface TwoCheckpoints {
  readonly storage: CheckpointStorage
  /** Of the newer one. */
  readonly refs: readonly SegmentRef[]
  readonly manifestName: string
  readonly segmentName: string
  readonly olderManifestName: string
}

/** Two that share nothing. */
async function twoCheckpoints(world: StorageWorld): Promise<TwoCheckpoints> {
  const { storage } = await world.begin()
  await storage.open()
  let known = new Set((await world.contents()).keys())
  const added = async (): Promise<string> => {
    const names = [...(await world.contents()).keys()]
    const fresh = names.filter((each) => !known.has(each))
    assert.equal(fresh.length, 1, `${fresh.join(', ')}: one is written at a time`)
    known = new Set(names)
    return fresh[0] as string
  }
  const older = await write(storage, 1)
  await added()
  await storage.writeManifest(manifestOf(1, alone(older)))
  const olderManifestName = await added()
  const refs = await write(storage, 2)
  const segmentName = await added()
  await storage.writeManifest(manifestOf(2, alone(refs)))
  return { storage, refs, segmentName, manifestName: await added(), olderManifestName }
}

/** Why the newer of two is damaged; the older one must be whole. */
async function damageOf(storage: CheckpointStorage): Promise<MillraceError> {
  const listed: readonly ListedCheckpoint[] = await storage.listCheckpoints()
  assert.deepEqual(
    listed.map(({ checkpointId, state }) => [checkpointId, state]),
    [
      [1, 'whole'],
      [2, 'damaged'],
    ],
  )
  const newer = listed[1]
  assert.ok(newer?.state === 'damaged' && newer.problem instanceof MillraceError)
  return newer.problem
}

const MANIFEST_DAMAGES: readonly (readonly [string, (bytes: Uint8Array) => readonly Uint8Array[]])[] = [
  ['cut off', (bytes) => [0, 1, 20, bytes.length >> 1, bytes.length - 1].map((length) => bytes.subarray(0, length))],
  ['longer than it was', (bytes) => [Uint8Array.from([...bytes, 0x20])]],
  [
    'flipped in a bit',
    (bytes) =>
      Array.from({ length: Math.ceil(bytes.length / 11) }, (_, at) => {
        const flipped = bytes.slice()
        flipped[at * 11] = (bytes[at * 11] as number) ^ (1 << (at & 7))
        return flipped
      }),
  ],
  [
    'of a newer version',
    (bytes) => [new TextEncoder().encode(new TextDecoder().decode(bytes).replace(/^(\S+) \d+ /, '$1 99 '))],
  ],
]

function renamed({ location }: SegmentRef): SegmentRef['location'] {
  return location.kind === 'file' ? { ...location, file: `${location.file}.not-there` } : location
}

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof MillraceError && error.code === code

/** Says at which step it went wrong. */
async function at(step: string, body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (cause) {
    throw new Error(`${step}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}
