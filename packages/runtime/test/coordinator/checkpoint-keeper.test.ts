import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { CheckpointKeeper } from '../../src/coordinator/checkpoint-keeper.ts'
import type { CheckpointRetention, JobOutcome } from '../../src/coordinator/coordinator-ports.ts'
import { manifestOf, segmentOf } from '../checkpoint-storage/checkpoint-samples.ts'

const FOLDER = 'checkpoints'

async function open(retainedMax: number, existing: readonly number[] = [], unclaimedId?: number) {
  const disk = new SimulatedDisk({ random: Math.random })
  const storage = new FileCheckpointStorage(disk.mount(), FOLDER)
  await storage.open()
  const manifests = existing.map((id) => manifestOf(id, []))
  for (const manifest of manifests) await storage.writeManifest(manifest)
  const firstCheckpointId = (existing.at(-1) ?? 0) + 1
  const keeper = new CheckpointKeeper({
    storage,
    retainedMax,
    restored: undefined,
    existing: manifests,
    firstCheckpointId,
    unclaimedId,
    claimed: undefined,
  })
  return {
    keeper,
    storage,
    ids: async (): Promise<number[]> => (await storage.listCheckpoints()).map(({ checkpointId }) => checkpointId),
    segments: (): string[] => [...disk.contents().keys()].filter((path) => path.endsWith('.seg')),
    write: async (id: number) => {
      const batch = { checkpointId: id, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }
      return storage.writeSegments({ ...batch, pieces: [segmentOf('base', `${id}`)] })
    },
  }
}

describe('CheckpointKeeper', () => {
  it('the newest that was stored is the restore point', async () => {
    const { keeper } = await open(1)
    await keeper.store(manifestOf(1, []))
    await keeper.store(manifestOf(2, []))
    assert.equal(keeper.latest?.manifest.checkpointId, 2)
    assert.equal(keeper.latest?.file, `${FOLDER}/chk-2/_metadata`)
  })

  it('removes what is beyond retention, of earlier processes too', async () => {
    const { keeper, ids, segments, write } = await open(2, [1, 2])
    await keeper.store(manifestOf(3, [await write(3)]))
    await keeper.store(manifestOf(4, [await write(4)]))
    await keeper.store(manifestOf(5, [await write(5)]))
    keeper.retain(Number.POSITIVE_INFINITY)
    await keeper.close('FINISHED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(await ids(), [4, 5])
    assert.equal(segments().length, 2)
  })

  it('removes nothing of earlier processes before it has stored one: what it started from may be damaged', async () => {
    const { keeper, ids } = await open(1, [1, 2, 3])
    await keeper.close('FAILED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(await ids(), [1, 2, 3])
    const next = await open(1, [1, 2, 3])
    await next.keeper.store(manifestOf(4, []))
    await next.keeper.close('FAILED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(await next.ids(), [4])
    const finished = await open(1, [1, 2, 3])
    await finished.keeper.close('FINISHED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(await finished.ids(), [3], 'it was the final one')
  })

  it('keeps what a pending checkpoint may build on', async () => {
    const { keeper, storage, ids, write } = await open(1)
    const refs = await write(1)
    await keeper.store(manifestOf(1, [refs]))
    await keeper.store(manifestOf(2, []))
    keeper.retain(1)
    await keeper.store(manifestOf(3, [refs]))
    assert.equal((await storage.readSegment(refs[0] as (typeof refs)[0])).length, 40)
    await keeper.close('FINISHED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(await ids(), [3])
    assert.equal((await storage.readSegment(refs[0] as (typeof refs)[0])).length, 40)
  })

  it('clears away what was stored for a checkpoint that was given up', async () => {
    const { keeper, segments, write } = await open(1)
    await write(1)
    keeper.onGivenUp(2)
    await keeper.store(manifestOf(2, [await write(2)]))
    await keeper.close('FINISHED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(segments(), [`${FOLDER}/shared/2-v-0-0.seg`])
  })

  it('clears away at once, without a further checkpoint, and spares what is pending', async () => {
    const { keeper, segments, write } = await open(1)
    await keeper.store(manifestOf(1, [await write(1)]))
    await write(2)
    await write(3)
    await write(4)
    keeper.onGivenUp(4)
    for (let turn = 0; segments().length > 2 && turn < 1_000; turn++)
      await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(segments(), [`${FOLDER}/shared/1-v-0-0.seg`, `${FOLDER}/shared/4-v-0-0.seg`])
  })

  it('leaves the segments of a checkpoint beyond retention for as long as its manifest is there', async () => {
    const { keeper, storage, write } = await open(1)
    const states: string[] = []
    const removeUnnamed = storage.removeUnnamedSegments.bind(storage)
    storage.removeUnnamedSegments = async (...given) => {
      await removeUnnamed(...given)
      for (const { checkpointId, state } of await storage.listCheckpoints()) states.push(`${checkpointId} ${state}`)
    }
    await keeper.store(manifestOf(1, [await write(1)]))
    await keeper.store(manifestOf(2, [await write(2)]))
    // Clears away when checkpoint 1 is beyond retention and not yet removed.
    keeper.onGivenUp(4)
    keeper.retain(Number.POSITIVE_INFINITY)
    await keeper.close('FINISHED', 'RETAIN_ON_CANCELLATION')
    assert.deepEqual(states.slice(0, 2), ['1 whole', '2 whole'])
    assert.equal(states.at(-1), '2 whole')
  })

  const ends: { state: JobOutcome['state']; retention: CheckpointRetention; isKept: boolean }[] = [
    { state: 'CANCELED', retention: 'RETAIN_ON_CANCELLATION', isKept: true },
    { state: 'CANCELED', retention: 'DELETE_ON_CANCELLATION', isKept: false },
    { state: 'CANCELED', retention: 'NO_EXTERNALIZED_CHECKPOINTS', isKept: false },
    { state: 'FAILED', retention: 'RETAIN_ON_CANCELLATION', isKept: true },
    { state: 'FAILED', retention: 'DELETE_ON_CANCELLATION', isKept: true },
    { state: 'FAILED', retention: 'NO_EXTERNALIZED_CHECKPOINTS', isKept: false },
    // The final checkpoint tells --resume that there is nothing left to do.
    { state: 'FINISHED', retention: 'RETAIN_ON_CANCELLATION', isKept: true },
    { state: 'FINISHED', retention: 'DELETE_ON_CANCELLATION', isKept: true },
    { state: 'FINISHED', retention: 'NO_EXTERNALIZED_CHECKPOINTS', isKept: false },
    // Only its process has ended.
    { state: 'SUSPENDED', retention: 'RETAIN_ON_CANCELLATION', isKept: true },
    { state: 'SUSPENDED', retention: 'DELETE_ON_CANCELLATION', isKept: true },
    { state: 'SUSPENDED', retention: 'NO_EXTERNALIZED_CHECKPOINTS', isKept: true },
  ]
  for (const { state, retention, isKept } of ends) {
    it(`${state} with ${retention}: ${isKept ? 'kept' : 'removed'}`, async () => {
      const { keeper, ids, segments, write } = await open(1)
      await keeper.store(manifestOf(1, [await write(1)]))
      await keeper.close(state, retention)
      assert.deepEqual([await ids(), segments().length], isKept ? [[1], 1] : [[], 0])
    })
  }
})
