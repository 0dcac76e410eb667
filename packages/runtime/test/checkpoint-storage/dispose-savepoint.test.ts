import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { MortalFileSystem, SeededRandom, SimulatedDisk } from '@millrace/testing'
import { disposeSavepoint } from '../../src/checkpoint-storage/dispose-savepoint.ts'
import { FileCheckpointStorage, openSnapshot } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { manifestOf, segmentOf } from './checkpoint-samples.ts'

const SAVEPOINT = 'savepoints/monday'

async function open(random: () => number = Math.random) {
  const disk = new SimulatedDisk({ random })
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

  it('interrupted at any step, by a kill or a loss of power, it is brought to its end by the next one', async () => {
    const ends = new Set<string>()
    for (const how of ['killProcess', 'crash'] as const) {
      for (let seed = 1; seed <= 60; seed++) {
        const random = new SeededRandom(seed)
        const { disk, files, paths } = await open(() => random.fraction())
        // What a savepoint is made of has been on the disk for long.
        await files.syncFolder(SAVEPOINT)
        const life = new MortalFileSystem(disk.mount(), { operationsMax: seed % 20 })
        const disposed = disposeSavepoint(life, SAVEPOINT).then(() => 'ended' as const)
        const end = await Promise.race([disposed, life.ended.then(() => 'interrupted' as const)])
        ends.add(end)
        disk[how]()
        const again = disk.mount()
        const message = `seed ${seed}, ${how}, ${end}: ${paths().join()}`
        if ((await again.stat(`${SAVEPOINT}/_metadata`)) !== undefined) {
          const { manifest, folder } = await openSnapshot(again, SAVEPOINT)
          const storage = new FileCheckpointStorage(again, folder)
          for (const { segments } of manifest.operators[0]?.keyGroups ?? []) {
            for (const segment of segments) await storage.readSegment(segment)
          }
        }
        const isLeft = paths().some((path) => path.startsWith(SAVEPOINT))
        if (isLeft) await disposeSavepoint(again, `${SAVEPOINT}/_metadata`)
        await assert.rejects(disposeSavepoint(again, SAVEPOINT), { code: 'CHECKPOINT_NOT_FOUND' }, message)
        assert.ok(!paths().some((path) => path.startsWith(SAVEPOINT)), message)
      }
    }
    assert.deepEqual([...ends].sort(), ['ended', 'interrupted'], 'interrupted at every step, and once at none')
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
