/** Who owns what a job was started from, over several lives of the job, seen by walking its folders. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { collect, defineJob, type FileSystem, generator, type JobDefinition } from '@millrace/api'
import { filesOf } from '@millrace/core'
import { FileCheckpointStorage, openSnapshot } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import type { ClaimMode, RestoreRequest } from '../../src/coordinator/choose-start.ts'
import type { CompletedSnapshot } from '../../src/coordinator/snapshot-request.ts'
import { FOLDER, LATEST, memoryDisk, runInline } from './inline-job.ts'

const KEYS = 20
const totals = defineJob({
  name: 'totals',
  build: (env) => {
    env
      .from(generator({ records: 1_000_000, perSecond: 4_000, generate: (index) => ({ key: index % KEYS, n: 1 }) }), {
        uid: 'in',
      })
      .keyBy('key')
      .reduce((a, b) => ({ key: a.key, n: a.n + b.n }), { uid: 'total' })
      .to(collect('out'), { uid: 'out' })
  },
}) as JobDefinition

interface Life {
  readonly restore: RestoreRequest
  readonly checkpoints: number
  readonly savepoint?: boolean
  readonly retained?: number
  readonly folder?: FileSystem
  readonly retention?: string
}

/** One life of the job: takes so many checkpoints, a savepoint perhaps, and is cancelled. */
async function live(files: FileSystem, { restore, checkpoints, savepoint, retained, retention }: Life) {
  let acting: Promise<CompletedSnapshot[]> | undefined
  const run = await runInline(totals, {
    files,
    restore,
    configuration: {
      'execution.checkpointing.interval': '1 h',
      'state.storage.fs.memory-threshold': '1 b',
      'execution.checkpointing.num-retained': String(retained ?? 1),
      'execution.checkpointing.externalized-checkpoint-retention': retention ?? 'RETAIN_ON_CANCELLATION',
    },
    onState: (state, job) => {
      if (state !== 'RUNNING' || acting !== undefined) return
      const act = async (): Promise<CompletedSnapshot[]> => {
        const taken: CompletedSnapshot[] = []
        for (let count = 1; count <= checkpoints; count++) {
          const read = (): number => job.reading().tasks[0]?.metrics?.numRecordsIn ?? 0
          while (read() < count * 30) await new Promise((resolve) => setImmediate(resolve))
          taken.push(await job.takeCheckpoint({ type: 'incremental' }))
        }
        if (savepoint === true) taken.push(await job.takeSavepoint({ targetFolder: 'kept' }))
        return taken
      }
      acting = act().finally(() => job.cancel())
    },
  })
  assert.equal(run.outcome.state, 'CANCELED', run.outcome.error?.message)
  return { ...run, taken: (await acting) ?? [] }
}

/** Every manifest is whole to the last segment, and no segment is without one that names it. */
async function walk(files: FileSystem, folder = FOLDER): Promise<number[]> {
  const storage = new FileCheckpointStorage(files, folder)
  const listed = await storage.listCheckpoints()
  const manifests = listed.map((each) => {
    assert.equal(each.state, 'whole', each.path)
    return each.state === 'whole' ? each.manifest : assert.fail()
  })
  for (const { operators } of manifests) {
    for (const { segments } of operators.flatMap(({ keyGroups }) => keyGroups)) {
      for (const segment of segments) await storage.readSegment(segment)
    }
  }
  const named = filesOf(manifests)
  const present = (await files.list(`${folder}/shared`)).map(({ name }) => `shared/${name}`)
  assert.deepEqual(new Set(present), named)
  return listed.map(({ checkpointId }) => checkpointId)
}

const from = (path: string, claimMode: ClaimMode): RestoreRequest => ({
  kind: 'path',
  path,
  claimMode,
  discardNewer: true,
  allowNonRestoredState: false,
})
const exists = async (files: FileSystem, path: string): Promise<boolean> =>
  (await files.stat(`${path}/_metadata`)) !== undefined

describe('claim modes', () => {
  it('NO_CLAIM of a checkpoint in the own folder: it stays in every later life, and nothing builds on it', async () => {
    const files = memoryDisk()
    await live(files, { restore: { kind: 'none' }, checkpoints: 2 })
    assert.deepEqual(await walk(files), [2])
    await live(files, { restore: from(`${FOLDER}/chk-2`, 'NO_CLAIM'), checkpoints: 1 })
    assert.deepEqual(await walk(files), [2, 3])
    const { manifest } = await openSnapshot(files, `${FOLDER}/chk-3`)
    for (const file of filesOf([manifest])) assert.match(file, /^shared\/3-/, 'the first checkpoint stands by itself')
    await live(files, { restore: LATEST, checkpoints: 2 })
    assert.deepEqual(await walk(files), [2, 5])
  })

  it('NO_CLAIM that is resumed before its first checkpoint still builds on nothing of it', async () => {
    const files = memoryDisk()
    await live(files, { restore: { kind: 'none' }, checkpoints: 2 })
    await live(files, { restore: from(`${FOLDER}/chk-2`, 'NO_CLAIM'), checkpoints: 0 })
    await live(files, { restore: LATEST, checkpoints: 1 })
    assert.deepEqual(await walk(files), [2, 3])
    const { manifest } = await openSnapshot(files, `${FOLDER}/chk-3`)
    for (const file of filesOf([manifest])) assert.match(file, /^shared\/3-/)
  })

  it('CLAIM of a checkpoint in the own folder: it is one of the retained', async () => {
    const files = memoryDisk()
    await live(files, { restore: { kind: 'none' }, checkpoints: 2 })
    await live(files, { restore: from(`${FOLDER}/chk-2`, 'CLAIM'), checkpoints: 1, retained: 2 })
    assert.deepEqual(await walk(files), [2, 3])
    await live(files, { restore: LATEST, checkpoints: 1, retained: 2 })
    assert.deepEqual(await walk(files), [3, 4])
  })

  it('CLAIM of a savepoint: it goes when so many checkpoints of the job stand as are retained, also in a later life', async () => {
    const files = memoryDisk()
    const { taken } = await live(files, { restore: { kind: 'none' }, checkpoints: 1, savepoint: true })
    const path = taken.at(-1)?.externalPath ?? ''
    await live(files, { restore: from(path, 'CLAIM'), checkpoints: 1, retained: 2 })
    assert.equal(await exists(files, path), true, 'one of two')
    await live(files, { restore: LATEST, checkpoints: 1, retained: 2 })
    assert.equal(await files.stat(path), undefined)
    await walk(files)
  })

  it('CLAIM of a savepoint whose removal was interrupted: the next start brings it to its end', async () => {
    const files = memoryDisk()
    const { taken } = await live(files, { restore: { kind: 'none' }, checkpoints: 1, savepoint: true })
    const path = taken.at(-1)?.externalPath ?? ''
    await live(files, { restore: from(path, 'CLAIM'), checkpoints: 1, retained: 2 })
    // As far as a process gets that dies then.
    await files.rename(`${path}/_metadata`, `${path}/_metadata.discarded`)
    await live(files, { restore: LATEST, checkpoints: 0, retained: 2 })
    assert.equal(await files.stat(path), undefined)
  })

  it('CLAIM of a checkpoint of another folder: what others there name stays', async () => {
    const files = memoryDisk()
    await live(files, { restore: { kind: 'none' }, checkpoints: 3, retained: 2 })
    // As if another job had the folder: everything moves to another name.
    await files.makeFolder('other/shared')
    for (const folder of ['chk-2', 'chk-3', 'shared']) {
      await files.makeFolder(`other/${folder}`)
      for (const { name } of await files.list(`${FOLDER}/${folder}`)) {
        await files.rename(`${FOLDER}/${folder}/${name}`, `other/${folder}/${name}`)
      }
    }
    await live(files, { restore: from('other/chk-3', 'CLAIM'), checkpoints: 1 })
    assert.deepEqual(await walk(files, 'other'), [2])
    await live(files, { restore: from('other/chk-2', 'NO_CLAIM'), checkpoints: 2 })
    assert.deepEqual(await walk(files, 'other'), [2])
    await walk(files)
  })

  it('what was claimed ends as the checkpoints do when the job ends', async () => {
    const files = memoryDisk()
    const { taken } = await live(files, { restore: { kind: 'none' }, checkpoints: 1, savepoint: true })
    const path = taken.at(-1)?.externalPath ?? ''
    await live(files, { restore: from(path, 'NO_CLAIM'), checkpoints: 1, retention: 'NO_EXTERNALIZED_CHECKPOINTS' })
    assert.equal(await exists(files, path), true)
    await live(files, { restore: from(path, 'CLAIM'), checkpoints: 0, retention: 'RETAIN_ON_CANCELLATION' })
    assert.equal(await exists(files, path), true)
    await live(files, { restore: from(path, 'CLAIM'), checkpoints: 0, retention: 'DELETE_ON_CANCELLATION' })
    assert.equal(await files.stat(path), undefined)
  })

  it('a start that is refused removes nothing, whatever the retention says', async () => {
    const files = memoryDisk()
    const { taken } = await live(files, { restore: { kind: 'none' }, checkpoints: 1, savepoint: true })
    const path = taken.at(-1)?.externalPath ?? ''
    const other = defineJob({
      name: 'totals',
      build: (env) => {
        env
          .from(generator({ records: 1, generate: (index) => index }), { uid: 'else' })
          .to(collect('out'), { uid: 'out' })
      },
    }) as JobDefinition
    const { outcome } = await runInline(other, {
      files,
      restore: from(path, 'CLAIM'),
      configuration: {
        'execution.checkpointing.externalized-checkpoint-retention': 'NO_EXTERNALIZED_CHECKPOINTS',
        'restart-strategy.type': 'none',
      },
    })
    assert.equal(outcome.error?.code, 'CHECKPOINT_OTHER_JOB', outcome.error?.message)
    assert.match(
      outcome.error?.message ?? '',
      /holds state of "in", "total", which the job does not have\. Matched by uid: "out"/,
    )
    assert.equal(await exists(files, path), true)
    assert.deepEqual(await walk(files), [2])
  })
})
