/**
 * A slot that restores data in flight tells how far its watermarks will bring event time, with the times of restored state:
 * senders that combine must know it before their first record.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascending, collect, count, defineJob, generator, type JobDefinition, tumbling } from '@millrace/api'
import { encodeInFlight, hashKey, InFlightSectionWriter, type SegmentRef } from '@millrace/core'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { memoryDisk } from '../coordinator/inline-job.ts'
import { deploySlot } from './deployed-slot.ts'

const job = defineJob({
  name: 'counts',
  build(env) {
    env
      .from(generator({ records: 1, generate: (at) => ({ k: 'a', at }) }), {
        uid: 'numbers',
        watermarks: ascending(({ at }) => at),
      })
      .keyBy('k')
      .window(tumbling({ size: '10 ms' }))
      .aggregate({ n: count() }, ({ n }) => n, { uid: 'counts' })
      .to(collect('out'), { uid: 'out' })
  },
}) as unknown as JobDefinition

test('the watermarks of restored data in flight are told to senders before the first record', async (t) => {
  const files = memoryDisk()
  const storage = new FileCheckpointStorage(files, 'checkpoints')
  await storage.open()
  const section = new InFlightSectionWriter({ from: 'numbers', fromSubtask: 0, isKeyed: true })
  section.add({ kind: 'watermark', timestamp: 70 })
  section.add({ kind: 'batch', batch: { records: [{ k: 'a', at: 80 }], timestamps: [80], keyHashes: [hashKey('a')] } })
  section.add({ kind: 'watermark', timestamp: 95 })
  const bytes = encodeInFlight({ checkpointId: 1, operatorUid: 'counts' }, [[section]])
  const [segment] = (await storage.writeSegments({
    checkpointId: 1,
    attempt: 0,
    vertexId: 'v',
    subtask: 0,
    pieces: [{ kind: 'base', bytes, entries: 1 }],
    inlineBytesMax: 0,
  })) as [SegmentRef]

  const { answer } = await deploySlot(t, job, {
    files,
    restoreOf: ({ isSource }) => ({
      checkpointId: 1,
      folder: undefined,
      keyGroups: {},
      tables: {},
      inFlight: isSource ? [] : [{ subtask: 0, from: ['numbers'], segment }],
    }),
  })
  assert.ok(answer.type === 'ready', JSON.stringify(answer))
  assert.deepEqual(answer.restoredEventTimes, { counts: 95 })
})
