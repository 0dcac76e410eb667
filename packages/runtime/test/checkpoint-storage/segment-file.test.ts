/** The file of a subtask's segments on its way: when it is there, closed, durable and gone. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { type DiskOperation, SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { segmentOf } from './checkpoint-samples.ts'

const FOLDER = 'checkpoints'
const FILE = `${FOLDER}/shared/1-v-0-0.seg`
const TARGET = { checkpointId: 1, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }

async function storageOn(fault: (operation: DiskOperation) => boolean = () => false) {
  const operations: string[] = []
  let isRecording = false
  const disk = new SimulatedDisk({
    random: () => 0.999,
    fault: (operation) => {
      if (isRecording && operation.kind !== 'stat') operations.push(operation.kind)
      return isRecording && fault(operation) ? 'io' : undefined
    },
  })
  const storage = new FileCheckpointStorage(disk.mount(), FOLDER)
  await storage.open()
  isRecording = true
  return { disk, storage, operations }
}

const isThere = (disk: SimulatedDisk): boolean => disk.contents().has(FILE)
const failed = (error: unknown): boolean => error instanceof MillraceError && error.code === 'CHECKPOINT_FAILED'

describe('a file of segments', () => {
  it('is there with the first segment, its name is made durable meanwhile, its bytes at the end', async () => {
    const { disk, storage, operations } = await storageOn()
    const writing = storage.beginSegments(TARGET)
    assert.equal(isThere(disk), false)
    for (const label of ['a', 'b', 'c']) await writing.write([segmentOf('base', label)])
    assert.deepEqual(operations, ['create', 'sync-folder', 'write', 'write', 'write'])
    assert.equal(isThere(disk), true)
    const refs = await writing.finish()
    assert.deepEqual(operations.slice(5), ['sync', 'close'])
    disk.crash()
    const after = new FileCheckpointStorage(disk.mount(), FOLDER)
    const read = await after.readSegments(refs)
    assert.deepEqual(
      read,
      ['a', 'b', 'c'].map((label) => segmentOf('base', label).bytes),
    )
  })

  it('is made when there is more than goes into the manifest, and has all of it', async () => {
    const { disk, storage } = await storageOn()
    const writing = storage.beginSegments({ ...TARGET, inlineBytesMax: 100 })
    const segments = ['a', 'b', 'c', 'd'].map((label) => segmentOf('base', label))
    await writing.write(segments.slice(0, 2))
    assert.equal(isThere(disk), false)
    await writing.write(segments.slice(2, 3))
    assert.equal(disk.contents().get(FILE)?.length, 120)
    await writing.write(segments.slice(3))
    const refs = await writing.finish()
    assert.deepEqual(
      refs.map(({ location }) => location.kind === 'file' && location.offsetBytes),
      [0, 40, 80, 120],
    )
    assert.deepEqual(
      await storage.readSegments(refs),
      segments.map(({ bytes }) => bytes),
    )
  })

  it('is closed and removed when it is given up', async () => {
    const { disk, storage, operations } = await storageOn()
    const writing = storage.beginSegments(TARGET)
    await writing.write([segmentOf('base', 'a')])
    await writing.discard()
    assert.deepEqual(operations.slice(-2), ['close', 'remove'])
    assert.equal(isThere(disk), false)
    await writing.write([segmentOf('base', 'b')])
    await assert.rejects(writing.finish())
    assert.equal(isThere(disk), false, 'nothing comes back')
  })

  it('that is given up while it is made or written is not there afterwards', async () => {
    const { disk, storage } = await storageOn()
    const writing = storage.beginSegments(TARGET)
    const written = writing.write([segmentOf('base', 'a', 3_000_000), segmentOf('base', 'b', 3_000_000)])
    await writing.discard()
    await written
    assert.equal(isThere(disk), false)
  })

  for (const kind of ['create', 'write', 'sync', 'sync-folder', 'close'] as const) {
    it(`of which ${kind} failed is closed and removed, and the reason is told`, async () => {
      let hasFailed = false
      const { disk, storage, operations } = await storageOn((operation) => {
        const isDue = operation.kind === kind && !hasFailed
        hasFailed ||= isDue
        return isDue
      })
      const writing = storage.beginSegments(TARGET)
      const storing = async (): Promise<void> => {
        await writing.write([segmentOf('base', 'a')])
        await writing.write([segmentOf('base', 'b')])
        await writing.finish()
      }
      await assert.rejects(storing(), (error) => failed(error) && String(error).includes(`injected io at ${kind}`))
      assert.equal(isThere(disk), false)
      const closes = operations.filter((operation) => operation === 'close').length
      assert.equal(closes, kind === 'create' ? 0 : 1)
      await writing.discard()
    })
  }
})
