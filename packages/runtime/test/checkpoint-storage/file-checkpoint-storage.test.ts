import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, type FileSystem, MillraceError } from '@millrace/api'
import type { SegmentRef } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { STORAGE_STEPS, type StorageStep } from '../../src/checkpoint-storage/checkpoint-storage.ts'
import {
  FileCheckpointStorage,
  type FileStorageOptions,
  latestWhole,
  openSnapshot,
} from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { manifestOf, segmentOf } from './checkpoint-samples.ts'

const FOLDER = 'jobs/checkpoints'

async function storageOn(options: FileStorageOptions = {}) {
  const disk = new SimulatedDisk({ random: () => 0.999 })
  const files = disk.mount()
  const storage = new FileCheckpointStorage(files, FOLDER, options)
  await storage.open()
  const write = (
    checkpointId: number,
    subtask = 0,
    inlineBytesMax = 0,
    isInFlight = false,
  ): Promise<readonly SegmentRef[]> =>
    storage.writeSegments({
      isInFlight,
      checkpointId,
      attempt: 0,
      vertexId: 'v',
      subtask,
      pieces: [segmentOf('base', `a${checkpointId}/${subtask}`, 50), segmentOf('base', `b${checkpointId}`, 30)],
      inlineBytesMax,
    })
  return { disk, files, storage, write }
}

const chainsOf = (refs: readonly SegmentRef[]): readonly (readonly SegmentRef[])[] => refs.map((ref) => [ref])

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof MillraceError && error.code === code

test('segments of one subtask share a file and are read back one by one', async () => {
  const { storage, write, disk } = await storageOn()
  const refs = await write(1)
  assert.deepEqual(
    refs.map((ref) => ref.location),
    [
      { kind: 'file', file: 'shared/1-v-0-0.seg', offsetBytes: 0 },
      { kind: 'file', file: 'shared/1-v-0-0.seg', offsetBytes: 50 },
    ],
  )
  assert.deepEqual(await storage.readSegment(refs[1] as SegmentRef), segmentOf('base', 'b1', 30).bytes)
  disk.crash()
  const after = new FileCheckpointStorage(disk.mount(), FOLDER)
  assert.equal((await after.readSegment(refs[0] as SegmentRef)).length, 50, 'durable when the promise resolved')
})

test('many segments go into few writes, and each is read back whole', async () => {
  const { storage, files } = await storageOn()
  let writes = 0
  const create = files.create.bind(files)
  files.create = async (path) => {
    const file = await create(path)
    const write = file.write.bind(file)
    file.write = (bytes) => {
      writes++
      return write(bytes)
    }
    return file
  }
  const lengths = [10, 700_000, 20, 700_000, 1_500_000, 30, ...new Array<number>(122).fill(1_000)]
  const pieces = lengths.map((length, index) => segmentOf('base', `s${index}`, length))
  const batch = { checkpointId: 1, attempt: 0, vertexId: 'v', subtask: 0, pieces, inlineBytesMax: 0 }
  const refs = await storage.writeSegments(batch)
  assert.equal(writes, 3)
  for (const [index, ref] of refs.entries()) assert.deepEqual(await storage.readSegment(ref), pieces[index]?.bytes)
})

test('small segments go into the manifest', async () => {
  const { storage, write, disk } = await storageOn()
  const refs = await write(1, 0, 81)
  assert.ok(refs.every((ref) => ref.location.kind === 'inline'))
  assert.equal(disk.contents().size, 0)
  assert.deepEqual(await storage.readSegment(refs[0] as SegmentRef), segmentOf('base', 'a1/0', 50).bytes)
  assert.deepEqual(
    await storage.writeSegments({
      checkpointId: 1,
      attempt: 0,
      vertexId: 'v',
      subtask: 0,
      pieces: [],
      inlineBytesMax: 0,
    }),
    [],
  )
})

test('a checkpoint exists when its manifest is written, and not before', async () => {
  const { storage, write, disk } = await storageOn()
  const refs = await write(1)
  assert.deepEqual(await storage.listCheckpoints(), [])
  const manifest = manifestOf(1, chainsOf(refs))
  assert.equal(await storage.writeManifest(manifest), `${FOLDER}/chk-1`)
  disk.crash()
  const listed = await new FileCheckpointStorage(disk.mount(), FOLDER).listCheckpoints()
  assert.deepEqual(listed, [{ state: 'whole', checkpointId: 1, path: `${FOLDER}/chk-1`, manifest }])
  assert.equal(latestWhole(listed)?.checkpointId, 1)
})

test('a manifest that names missing or short files is refused', async () => {
  const { storage, write, files } = await storageOn()
  const refs = await write(1)
  const longer = refs.map((ref) => ({ ...ref, lengthBytes: 1_000 }))
  await assert.rejects(storage.writeManifest(manifestOf(1, chainsOf(longer))), isCode('CHECKPOINT_FAILED'))
  await files.remove(`${FOLDER}/shared/1-v-0-0.seg`)
  await assert.rejects(storage.writeManifest(manifestOf(1, chainsOf(refs))), isCode('CHECKPOINT_FAILED'))
  assert.deepEqual(await storage.listCheckpoints(), [])
})

test('damage is found when listing or at the latest when reading, and named', async () => {
  const { storage, write, disk, files } = await storageOn()
  const refs = await write(1)
  await storage.writeManifest(manifestOf(1, chainsOf(refs)))
  await write(2)
  await storage.writeManifest(manifestOf(2, []))
  disk.corrupt(`${FOLDER}/chk-2/_metadata`, 60)
  disk.corrupt(`${FOLDER}/shared/1-v-0-0.seg`, 55)
  const listed = await storage.listCheckpoints()
  assert.deepEqual(
    listed.map((each) => [each.checkpointId, each.state]),
    [
      [1, 'whole'],
      [2, 'damaged'],
    ],
  )
  assert.equal(latestWhole(listed)?.checkpointId, 1)
  await storage.readSegment(refs[0] as SegmentRef)
  await assert.rejects(
    storage.readSegment(refs[1] as SegmentRef),
    (error) => isCode('CHECKPOINT_DAMAGED')(error) && String(error).includes('shared/1-v-0-0.seg'),
  )
  await files.remove(`${FOLDER}/shared/1-v-0-0.seg`)
  await assert.rejects(storage.readSegment(refs[0] as SegmentRef), isCode('CHECKPOINT_DAMAGED'))
  assert.equal((await storage.listCheckpoints())[0]?.state, 'damaged')
})

test('left-overs are removed: unfinished checkpoints and files without owner, nothing else', async () => {
  const { storage, write, files } = await storageOn()
  const refs = await write(1)
  await storage.writeManifest(manifestOf(1, chainsOf(refs)))
  await write(2)
  const inFlight = await write(2, 0, 0, true)
  assert.deepEqual(inFlight[0]?.location, { kind: 'file', file: 'shared/2-v-0-0-in-flight.seg', offsetBytes: 0 })
  await files.makeFolder(`${FOLDER}/chk-2`)
  await (await files.create(`${FOLDER}/chk-2/_metadata.tmp`)).close()
  await (await files.create(`${FOLDER}/shared/notes.txt`)).close()
  await files.makeFolder(`${FOLDER}/chk-mine`)
  assert.deepEqual(await storage.removeLeftovers(), ['chk-2', 'shared/2-v-0-0-in-flight.seg', 'shared/2-v-0-0.seg'])
  assert.deepEqual(
    (await files.list(FOLDER)).map((entry) => entry.name),
    ['chk-1', 'chk-mine', 'shared'],
  )
  assert.deepEqual(
    (await files.list(`${FOLDER}/shared`)).map((entry) => entry.name),
    ['1-v-0-0.seg', 'notes.txt'],
  )
})

test('no segment file is removed while a manifest is damaged', async () => {
  const { storage, write, disk } = await storageOn()
  await storage.writeManifest(manifestOf(1, chainsOf(await write(1))))
  await write(2)
  disk.corrupt(`${FOLDER}/chk-1/_metadata`, 90)
  assert.deepEqual(await storage.removeLeftovers(), [])
})

test('discarding removes the manifest first, and tries again what failed', async () => {
  const reports: string[] = []
  let isFailing = false
  const disk = new SimulatedDisk({
    random: () => 0.999,
    fault: ({ kind }) => (isFailing && kind === 'sync-folder' ? 'io' : undefined),
  })
  const files = disk.mount()
  const storage = new FileCheckpointStorage(files, FOLDER, { report: (message) => reports.push(message) })
  await storage.open()
  const pieces = [segmentOf('base', 'x')]
  const refs = await storage.writeSegments({
    checkpointId: 1,
    attempt: 0,
    vertexId: 'v',
    subtask: 0,
    pieces,
    inlineBytesMax: 0,
  })
  await storage.writeManifest(manifestOf(1, chainsOf(refs)))
  isFailing = true
  await storage.discard([1], ['shared/1-v-0-0.seg'])
  assert.equal(reports.length, 1)
  assert.ok(disk.contents().has(`${FOLDER}/shared/1-v-0-0.seg`), 'no file goes before its manifest is durably gone')
  isFailing = false
  await storage.discard([], ['shared/1-v-0-0.seg'])
  assert.deepEqual([...disk.contents().keys()], [])
  assert.deepEqual(
    (await files.list(FOLDER)).map((entry) => entry.name),
    ['shared'],
  )
})

test('one checkpoint that cannot be removed does not make the others forgotten', async () => {
  let failures = 0
  const disk = new SimulatedDisk({
    random: () => 0.999,
    fault: ({ kind, path }) => (kind === 'sync-folder' && path.endsWith('chk-1') && failures-- > 0 ? 'io' : undefined),
  })
  const files = disk.mount()
  const storage = new FileCheckpointStorage(files, FOLDER)
  await storage.open()
  for (const id of [1, 2, 3]) await storage.writeManifest(manifestOf(id, []))
  failures = 1
  await storage.discard([1, 2], [])
  await storage.discard([], [])
  assert.deepEqual(
    (await storage.listCheckpoints()).map((each) => each.checkpointId),
    [3],
  )
})

test('what was seen after the process was killed is not taken back by a later crash', async () => {
  const disk = new SimulatedDisk({ random: () => 0.999 })
  const storage = new FileCheckpointStorage(disk.mount(), FOLDER, {
    probe: (step) => {
      if (step === 'manifest:before-folder-sync') disk.killProcess()
    },
  })
  await storage.open()
  const writing = storage.writeManifest(manifestOf(1, []))
  await Promise.race([writing, new Promise((resolve) => setImmediate(resolve))])
  const resumed = new FileCheckpointStorage(disk.mount(), FOLDER)
  assert.equal(latestWhole(await resumed.listCheckpoints())?.checkpointId, 1)
  disk.crash()
  assert.equal(latestWhole(await new FileCheckpointStorage(disk.mount(), FOLDER).listCheckpoints())?.checkpointId, 1)
})

test('a savepoint owns everything that it names', async () => {
  const { storage, write, disk } = await storageOn()
  const inline = await write(2, 1, 1_000)
  const refs = [...(await write(1)), ...inline]
  const manifest = manifestOf(2, chainsOf(refs))
  await storage.writeSavepoint(manifest, 'savepoints/one')
  await storage.discard([], ['shared/1-v-0-0.seg'])
  disk.crash()
  const again = disk.mount()
  for (const path of ['savepoints/one', 'savepoints/one/', 'savepoints/one/_metadata']) {
    const opened = await openSnapshot(again, path)
    assert.equal(opened.manifest.kind, 'savepoint')
    const reader = new FileCheckpointStorage(again, opened.folder)
    const segments = opened.manifest.operators[0]?.keyGroups.flatMap((group) => group.segments) ?? []
    assert.equal(segments.length, 4)
    assert.deepEqual(await reader.readSegment(segments[0] as SegmentRef), segmentOf('base', 'a1/0', 50).bytes)
  }
  await assert.rejects(
    new FileCheckpointStorage(again, FOLDER).writeSavepoint(manifest, 'savepoints/one'),
    isCode('SAVEPOINT_FAILED'),
  )
  await assert.rejects(openSnapshot(again, 'savepoints/none'), isCode('CHECKPOINT_NOT_FOUND'))
})

test('what is no snapshot but holds some is refused with their names', async () => {
  const { storage, write, files } = await storageOn()
  const hintOf = async (path: string): Promise<string> => {
    const error: unknown = await openSnapshot(files, path).then(
      () => undefined,
      (refusal: unknown) => refusal,
    )
    assert.ok(error instanceof MillraceError && error.code === 'CHECKPOINT_NOT_FOUND', String(error))
    return error.hint ?? ''
  }
  assert.match(await hintOf(FOLDER), /^Name a folder that holds a file _metadata/)
  for (const id of [2, 9, 10]) await storage.writeManifest(manifestOf(id, chainsOf(await write(id))))
  assert.equal(await hintOf(FOLDER), `It holds chk-2, chk-9, chk-10: name one of these, as ${FOLDER}/chk-10.`)
  for (const id of [11, 12, 13]) await storage.writeManifest(manifestOf(id, chainsOf(await write(id))))
  assert.match(await hintOf(`${FOLDER}/`), /^It holds 1 more and chk-9, .*, chk-13: name one of these/)
  assert.match(await hintOf('nowhere'), /^Name a folder/)
})

test('a checkpoint is opened by its folder; segments are relative to the checkpoint folder', async () => {
  const { storage, write, files } = await storageOn()
  await storage.writeManifest(manifestOf(1, chainsOf(await write(1))))
  const opened = await openSnapshot(files, `${FOLDER}/chk-1`)
  assert.equal(opened.folder, FOLDER)
  assert.equal(opened.manifestFile, `${FOLDER}/chk-1/_metadata`)
})

test('a folder that cannot be used says so', async () => {
  const disk = new SimulatedDisk({ random: Math.random, fault: () => 'denied' })
  await assert.rejects(new FileCheckpointStorage(disk.mount(), FOLDER).open(), isCode('CHECKPOINT_FOLDER_UNUSABLE'))
})

test('every named step is passed, in order', async () => {
  const steps: StorageStep[] = []
  const { storage, write } = await storageOn({ probe: (step) => void steps.push(step) })
  const refs = await write(1)
  await storage.writeManifest(manifestOf(1, chainsOf(refs)))
  await storage.discard([1], ['shared/1-v-0-0.seg'])
  assert.deepEqual(steps, [...STORAGE_STEPS])
})

test('a checkpoint that its job removes while somebody looks is passed over, and when it was named it is not found', async () => {
  const { files, storage } = await storageOn()
  for (const id of [1, 2]) await storage.writeManifest(manifestOf(id, []))
  /** Right after it was seen to be there. */
  const removing = (id: number): FileSystem =>
    new Proxy(files, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name !== 'stat') return member.bind(target)
        return async (path: string) => {
          const facts = await target.stat(path)
          if (path.endsWith(`chk-${id}/_metadata`)) await storage.discard([id], [])
          return facts
        }
      },
    })
  const listed = await new FileCheckpointStorage(removing(1), FOLDER).listCheckpoints()
  assert.deepEqual(
    listed.map(({ checkpointId, state }) => [checkpointId, state]),
    [[2, 'whole']],
  )
  await assert.rejects(openSnapshot(removing(2), `${FOLDER}/chk-2`), isCode('CHECKPOINT_NOT_FOUND'))
})
