import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { SimulatedDisk } from '@millrace/testing'
import { disposeSavepoint } from '../../src/checkpoint-storage/dispose-savepoint.ts'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { manifestOf, segmentOf } from './checkpoint-samples.ts'

const SAVEPOINT = 'savepoints/monday'

async function open() {
  const disk = new SimulatedDisk({ random: Math.random })
  const files = disk.mount()
  const storage = new FileCheckpointStorage(files, 'checkpoints')
  await storage.open()
  const batch = { checkpointId: 3, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }
  const refs = await storage.writeSegments({ ...batch, pieces: [segmentOf('base', 'state')] })
  const manifest = manifestOf(3, [refs])
  await storage.writeManifest(manifest)
  await storage.writeSavepoint(manifest, SAVEPOINT)
  return { disk, files, storage, paths: (): string[] => [...disk.contents().keys()] }
}

const refuses = (message: RegExp, hint: RegExp) => (error: unknown) =>
  error instanceof MillraceError &&
  error.code === 'SAVEPOINT_DISPOSAL_FAILED' &&
  message.test(error.message) &&
  hint.test(error.hint ?? '')

describe('disposeSavepoint', () => {
  for (const path of [SAVEPOINT, `${SAVEPOINT}/`, `${SAVEPOINT}/_metadata`]) {
    it(`${path}: the savepoint goes, its folder too, and nothing else`, async () => {
      const { files, storage, paths } = await open()
      const others = paths().filter((each) => !each.startsWith(SAVEPOINT))
      assert.deepEqual(await disposeSavepoint(files, path), { folder: SAVEPOINT, isFolderLeft: false })
      assert.deepEqual(paths(), others)
      assert.equal(await files.stat(SAVEPOINT), undefined)
      assert.equal((await storage.listCheckpoints())[0]?.state, 'whole')
    })
  }

  it('what else is in the folder stays', async () => {
    const { files, paths } = await open()
    await (await files.create(`${SAVEPOINT}/notes.txt`)).close()
    assert.deepEqual(await disposeSavepoint(files, SAVEPOINT), { folder: SAVEPOINT, isFolderLeft: true })
    assert.deepEqual(
      paths().filter((each) => each.startsWith(SAVEPOINT)),
      [`${SAVEPOINT}/notes.txt`],
    )
  })

  it('a checkpoint is refused: newer ones may need what it wrote', async () => {
    const { files, paths } = await open()
    const before = paths()
    await assert.rejects(
      disposeSavepoint(files, 'checkpoints/chk-3'),
      refuses(/^Nothing was deleted: .*chk-3 is checkpoint 3 .* no savepoint$/, /millrace checkpoints/),
    )
    assert.deepEqual(paths(), before)
  })

  it('what cannot be read is refused, and left', async () => {
    const { disk, files, paths } = await open()
    disk.corrupt(`${SAVEPOINT}/_metadata`, 200)
    const before = paths()
    await assert.rejects(disposeSavepoint(files, SAVEPOINT), refuses(/^Nothing was deleted: .*_metadata/, /by hand/))
    assert.deepEqual(paths(), before)
  })

  it('a folder of something else is not found to be one', async () => {
    const { files, paths } = await open()
    const before = paths()
    for (const path of ['checkpoints', 'savepoints', 'nowhere', '']) {
      await assert.rejects(disposeSavepoint(files, path), { code: 'CHECKPOINT_NOT_FOUND' })
    }
    assert.deepEqual(paths(), before)
  })
})
