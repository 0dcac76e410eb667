import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FileErrorKind, type FileSystem, MillraceError } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { type DiskOperation, MortalFileSystem, SeededRandom, SimulatedDisk } from '@millrace/testing'
import { disposeSavepoint } from '../../src/checkpoint-storage/dispose-savepoint.ts'
import { FileCheckpointStorage, openSnapshot } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { WRITING_FILE } from '../../src/checkpoint-storage/savepoint-folder.ts'
import { UNFINISHED_FILE } from '../../src/checkpoint-storage/unfinished-savepoints.ts'
import { manifestOf, segmentOf } from './checkpoint-samples.ts'

const FOLDER = '/checkpoints'
const SAVEPOINT = '/savepoints/monday'

interface DiskOptions {
  readonly random?: () => number
  readonly fault?: (operation: DiskOperation) => FileErrorKind | undefined
}

/** A checkpoint folder that processes own, one after the other; those in `alive` live. */
async function open({ random = Math.random, fault }: DiskOptions = {}) {
  const disk = new SimulatedDisk({ random, ...(fault === undefined ? {} : { fault }) })
  const alive = new Set<number>()
  const processes = { isAlive: async ({ pid }: { readonly pid: number }) => alive.has(pid) }
  const reports: string[] = []
  const storageOf = (pid: number, files: FileSystem): FileCheckpointStorage =>
    new FileCheckpointStorage(files, FOLDER, {
      owner: { self: { pid, startedAt: 'monday', host: 'here' }, processes },
      report: (message) => void reports.push(message),
    })
  const storage = storageOf(0, disk.mount())
  await storage.open()
  const batch = { checkpointId: 3, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }
  const refs = await storage.writeSegments({
    ...batch,
    pieces: [segmentOf('base', 'state'), segmentOf('base', 'more')],
  })
  const manifest = manifestOf(
    3,
    refs.map((ref) => [ref]),
  )
  await storage.writeManifest(manifest)
  const paths = (): string[] => [...disk.contents().keys()].map((path) => (path.startsWith('/') ? path : `/${path}`))
  return {
    disk,
    alive,
    processes,
    reports,
    storageOf,
    manifest,
    left: (): string[] => paths().filter((path) => path.startsWith(SAVEPOINT) || path.includes(UNFINISHED_FILE)),
    /** As far as process 1 comes in so many operations. */
    begin: async (operationsMax: number): Promise<'ended' | 'interrupted'> => {
      const life = new MortalFileSystem(disk.mount(), { operationsMax })
      const written = storageOf(1, life).writeSavepoint(manifest, SAVEPOINT)
      return Promise.race([written.then(() => 'ended' as const), life.ended.then(() => 'interrupted' as const)])
    },
  }
}

/** Half of it is written. */
async function halfWritten() {
  const opened = await open()
  for (let operations = 1; ; operations++) {
    await opened.begin(operations)
    opened.disk.killProcess()
    if (opened.left().includes(`${SAVEPOINT}/segments`)) return { ...opened, files: opened.disk.mount() }
    await opened.storageOf(2, opened.disk.mount()).removeLeftovers()
  }
}

async function checkWhole(files: FileSystem, { operators }: CheckpointManifest): Promise<void> {
  const { manifest, folder } = await openSnapshot(files, SAVEPOINT)
  assert.equal(manifest.operators[0]?.keyGroups.length, operators[0]?.keyGroups.length)
  const storage = new FileCheckpointStorage(files, folder)
  for (const { segments } of manifest.operators[0]?.keyGroups ?? []) await storage.readSegments(segments)
}

const refuses = (message: RegExp, hint: RegExp) => (error: unknown) =>
  error instanceof MillraceError &&
  error.code === 'SAVEPOINT_DISPOSAL_FAILED' &&
  message.test(error.message) &&
  hint.test(error.hint ?? '')

describe('a savepoint whose process is killed', () => {
  it('is whole, or nothing of it is left once the next process has started, at whatever step it was', async () => {
    const ends = new Map<string, number>()
    for (const how of ['killProcess', 'crash'] as const) {
      for (let seed = 1; seed <= 240; seed++) {
        const random = new SeededRandom(seed)
        const { disk, begin, storageOf, manifest, left, reports } = await open({ random: () => random.fraction() })
        const end = await begin(seed % 60)
        disk[how]()
        const files = disk.mount()
        const message = `seed ${seed}, ${how}, ${end}: ${left().join()}`
        const removed = await storageOf(2, files).removeLeftovers()
        const isWhole = left().length > 0
        if (isWhole) {
          assert.deepEqual(left().sort(), [`${SAVEPOINT}/_metadata`, `${SAVEPOINT}/segments`], message)
          await checkWhole(files, manifest)
        } else {
          assert.equal(await files.stat(SAVEPOINT), undefined, message)
          assert.ok(end === 'interrupted', message)
        }
        assert.equal(removed.includes(SAVEPOINT), reports.length === 1, message)
        const kind = `${end} ${isWhole ? 'whole' : removed.includes(SAVEPOINT) ? 'removed' : 'not begun'}`
        ends.set(kind, (ends.get(kind) ?? 0) + 1)
      }
    }
    assert.deepEqual([...ends.keys()].sort(), [
      'ended whole',
      'interrupted not begun',
      'interrupted removed',
      'interrupted whole',
    ])
  })

  it('is told from one that a living process writes, which nobody touches', async () => {
    const { files, alive, processes, storageOf, left, reports } = await halfWritten()
    const before = left()
    alive.add(1)
    assert.deepEqual(await storageOf(2, files).removeLeftovers(), [])
    assert.match(reports.at(-1) ?? '', /monday of a savepoint is left there: process 1 on here is writing it$/)
    await assert.rejects(
      disposeSavepoint(files, SAVEPOINT, processes),
      refuses(/^Nothing was deleted: .* is not finished, and process 1 on here is writing it$/, /Ask again.* by hand/),
    )
    assert.deepEqual(left(), before)
    alive.delete(1)
    assert.deepEqual(await storageOf(2, files).removeLeftovers(), [SAVEPOINT], 'it was not forgotten')
    assert.deepEqual(left(), [])
  })

  it('is deleted when a user asks for that, and what else is in its folder stays', async () => {
    for (const others of [[], ['notes.txt']]) {
      const { files, processes, left } = await halfWritten()
      for (const name of others) await (await files.create(`${SAVEPOINT}/${name}`)).close()
      const isFolderLeft = others.length > 0
      assert.deepEqual(await disposeSavepoint(files, SAVEPOINT, processes), { folder: SAVEPOINT, isFolderLeft })
      assert.deepEqual(
        left().filter((path) => path.startsWith(SAVEPOINT)),
        others.map((name) => `${SAVEPOINT}/${name}`),
      )
    }
  })

  it('is left where it cannot be read who wrote it, which is told', async () => {
    const { disk, files, processes, storageOf, left, reports } = await halfWritten()
    disk.corrupt(`${SAVEPOINT}/${WRITING_FILE}`, 30)
    const before = left()
    assert.deepEqual(await storageOf(2, files).removeLeftovers(), [])
    assert.match(reports.at(-1) ?? '', /its file _writing, which says who writes it, cannot be read$/)
    await assert.rejects(disposeSavepoint(files, SAVEPOINT, processes), refuses(/cannot be read$/, /by hand/))
    assert.deepEqual(left(), before)
  })

  it('is not restored', async () => {
    const { files } = await halfWritten()
    await assert.rejects(openSnapshot(files, SAVEPOINT), {
      code: 'CHECKPOINT_NOT_FOUND',
      message: /is not finished/,
    })
  })

  it('is nobody’s where the file that remembers it is damaged: the start goes on, and says so', async () => {
    const { disk, files, storageOf, left, reports } = await halfWritten()
    disk.corrupt(`${FOLDER}/${UNFINISHED_FILE}`, 40)
    assert.deepEqual(await storageOf(2, files).removeLeftovers(), [])
    assert.match(reports.at(-1) ?? '', /unfinished-savepoints was damaged/)
    assert.ok(left().every((path) => path.startsWith(SAVEPOINT)))
  })
})

describe('a savepoint that fails', () => {
  it('leaves nothing and is forgotten; where it cannot be removed, the next start does that', async () => {
    let isFull = true
    let isStuck = false
    const { disk, manifest, storageOf, left } = await open({
      fault: ({ kind, path }) => {
        if (isFull && kind === 'write' && path.endsWith('segments')) return 'no-space'
        return isStuck && kind === 'remove' && path.startsWith(SAVEPOINT) ? 'io' : undefined
      },
    })
    const storage = storageOf(1, disk.mount())
    await assert.rejects(storage.writeSavepoint(manifest, SAVEPOINT), { code: 'SAVEPOINT_FAILED', message: /no room/ })
    assert.deepEqual(left(), [])
    assert.equal(await disk.mount().stat(SAVEPOINT), undefined)
    isStuck = true
    await assert.rejects(storage.writeSavepoint(manifest, SAVEPOINT), { code: 'SAVEPOINT_FAILED', message: /no room/ })
    assert.ok(left().includes(`${SAVEPOINT}/segments`))
    isStuck = false
    isFull = false
    await storage.writeSavepoint(manifest, '/savepoints/tuesday')
    assert.deepEqual(await storageOf(2, disk.mount()).removeLeftovers(), [SAVEPOINT])
    assert.deepEqual(left(), [])
    await assert.rejects(storage.writeSavepoint(manifest, '/savepoints/tuesday'), { message: /it is not empty/ })
  })
})
