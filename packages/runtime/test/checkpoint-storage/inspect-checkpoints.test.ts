import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import type { SegmentRef } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { inspectCheckpoints } from '../../src/checkpoint-storage/inspect-checkpoints.ts'
import { manifestOf, segmentOf } from './checkpoint-samples.ts'

const FOLDER = 'jobs/checkpoints'

/** Checkpoint 1 with two bases, 2 with a delta over the first, and a file of one that was given up. */
async function folderWithTwo() {
  const files = new SimulatedDisk({ random: () => 0.999 }).mount()
  const storage = new FileCheckpointStorage(files, FOLDER)
  await storage.open()
  const write = (checkpointId: number, sizes: readonly number[]): Promise<readonly SegmentRef[]> =>
    storage.writeSegments({
      checkpointId,
      attempt: 0,
      vertexId: 'v',
      subtask: 0,
      pieces: sizes.map((bytes, i) => segmentOf(checkpointId === 1 ? 'base' : 'delta', `${checkpointId}${i}`, bytes)),
      inlineBytesMax: 0,
    })
  const [first, second] = (await write(1, [50, 30])) as [SegmentRef, SegmentRef]
  await storage.writeManifest(manifestOf(1, [[first], [second]]))
  const [delta] = (await write(2, [20])) as [SegmentRef]
  const two = manifestOf(2, [[first, delta], [second]])
  await storage.writeManifest(two)
  await write(3, [11])
  return { files, storage, two }
}

describe('inspectCheckpoints', () => {
  it('takes the inventory of a folder and of its files', async () => {
    const { files } = await folderWithTwo()
    const inspected = await inspectCheckpoints(files, FOLDER)
    assert.deepEqual(
      inspected.contents.map(({ checkpointId, ownBytes, stateBytes }) => [checkpointId, ownBytes, stateBytes]),
      [
        [1, 80, 80],
        [2, 20, 100],
      ],
    )
    assert.deepEqual([inspected.files, inspected.fileBytes, inspected.unnamedBytes], [3, 111, 11])
    assert.deepEqual([inspected.isNamed, inspected.damaged], [false, []])
  })

  it('shows the one that is named, as its neighbours see it', async () => {
    const { files } = await folderWithTwo()
    for (const path of [`${FOLDER}/chk-1`, `${FOLDER}/chk-1/_metadata`]) {
      const { contents, isNamed } = await inspectCheckpoints(files, path)
      assert.equal(isNamed, true)
      assert.deepEqual(
        contents.map(({ checkpointId, neededBytes }) => [checkpointId, neededBytes]),
        [[1, 80]],
      )
    }
  })

  it('shows a savepoint, which owns its file', async () => {
    const { files, storage, two } = await folderWithTwo()
    await storage.writeSavepoint(two, 'elsewhere/savepoint')
    const { contents, folder, fileBytes, unnamedBytes } = await inspectCheckpoints(files, 'elsewhere/savepoint')
    assert.deepEqual([folder, fileBytes, unnamedBytes], ['elsewhere/savepoint', 100, 0])
    assert.deepEqual(
      contents.map(({ kind, ownBytes }) => [kind, ownBytes]),
      [['savepoint', 100]],
    )
  })

  it('does not show a savepoint as whole whose bytes are missing', async () => {
    const { files, storage, two } = await folderWithTwo()
    await storage.writeSavepoint(two, 'elsewhere/savepoint')
    const isDamaged = (problem: RegExp) => (error: unknown) =>
      error instanceof MillraceError && error.code === 'CHECKPOINT_DAMAGED' && problem.test(error.message)
    const cut = await files.create('elsewhere/savepoint/segments')
    await cut.write(new Uint8Array(99))
    await cut.close()
    await assert.rejects(
      inspectCheckpoints(files, 'elsewhere/savepoint'),
      isDamaged(/savepoint\/segments has 99 bytes, at least 100 are named/),
    )
    await files.remove('elsewhere/savepoint/segments')
    await assert.rejects(
      inspectCheckpoints(files, 'elsewhere/savepoint'),
      isDamaged(/segments, which it names, is missing/),
    )
  })

  it('tells damaged ones from whole ones, and changes nothing', async () => {
    const { files } = await folderWithTwo()
    await files.remove(`${FOLDER}/shared/2-v-0-0.seg`)
    const before = JSON.stringify(await files.list(`${FOLDER}/shared`))
    const { contents, damaged } = await inspectCheckpoints(files, FOLDER)
    assert.deepEqual(
      contents.map(({ checkpointId }) => checkpointId),
      [1],
    )
    assert.deepEqual(
      damaged.map(({ checkpointId }) => checkpointId),
      [2],
    )
    assert.match(damaged[0]?.problem.message ?? '', /2-v-0-0\.seg, which it names, is missing/)
    assert.equal(JSON.stringify(await files.list(`${FOLDER}/shared`)), before)
  })

  it('names the folders below that hold checkpoints', async () => {
    const { files } = await folderWithTwo()
    for (const [path, hint] of [
      ['jobs', /There are checkpoints in jobs\/checkpoints\./],
      ['nowhere', /Name the checkpoint folder/],
      // A file.
      [`${FOLDER}/shared/2-v-0-0.seg`, /Name the checkpoint folder/],
    ] as const) {
      await assert.rejects(
        () => inspectCheckpoints(files, path),
        (error: unknown) =>
          error instanceof MillraceError && error.code === 'CHECKPOINT_NOT_FOUND' && hint.test(error.hint ?? ''),
      )
    }
  })
})
