/**
 * A slot that restores data in flight tells how far its watermarks will bring event time, with the times of restored state:
 * senders that combine must know it before their first record.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  ascending,
  buildGraph,
  collect,
  count,
  defineJob,
  generator,
  type JobDefinition,
  tumbling,
} from '@millrace/api'
import { compilePlan, encodeInFlight, hashKey, InFlightSectionWriter, type SegmentRef } from '@millrace/core'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { SystemClock, SystemRandom } from '../../src/clock/clock.ts'
import { createTaskMetrics } from '../../src/metrics/task-metrics.ts'
import type { FromSlot } from '../../src/slot/protocol.ts'
import { Slot } from '../../src/slot/slot.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { memoryDisk } from '../coordinator/inline-job.ts'

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

  const graph = buildGraph(job, {})
  const plan = compilePlan(graph, { parallelism: 1 })
  const clock = new SystemClock()
  const told: FromSlot[] = []
  const slot = new Slot({
    clock,
    random: new SystemRandom(),
    files,
    loadJob: async () => ({ graph, plan }),
    post: (message) => void told.push(message),
    wakeUpOf: () => ({ wake() {} }),
    ownWakeUp: { wake() {} },
    createBackend: (keyGroups, maxParallelism) =>
      new HeapStateBackend({ keyGroups, maxParallelism, now: () => 0, monotonicMs: () => 0 }),
    memory: () => ({ usedBytes: 0, limitBytes: 1 }),
  })
  t.after(() => slot.onMessage({ type: 'close' }))
  slot.onMessage({
    type: 'deploy',
    deployment: {
      slot: 0,
      attempt: 1,
      jobName: 'counts',
      lineage: '0123456789abcdef',
      graphHash: plan.graphHash,
      config: {},
      checkpointFolder: 'checkpoints',
      firstEpoch: 2,
      tasks: plan.vertices.map((vertex) => ({
        id: { vertexId: vertex.id, subtask: 0 },
        restore: {
          checkpointId: 1,
          folder: undefined,
          keyGroups: {},
          tables: {},
          inFlight: vertex.isSource ? [] : [{ subtask: 0, from: ['numbers'], segment }],
        },
        entries: {},
        wasFinished: false,
        metrics: createTaskMetrics(),
      })),
      channels: plan.edges.map(({ id }) => ({
        edgeId: id,
        fromSubtask: 0,
        toSubtask: 0,
        fromSlot: 0,
        toSlot: 0,
        ring: undefined,
      })),
      doorbells: [],
      heartbeat: new SharedArrayBuffer(8),
    },
  })
  const isOver = ({ type }: FromSlot): boolean => type === 'ready' || type === 'failed'
  while (!told.some(isOver)) await setImmediate()
  const ready = told.find(isOver)
  assert.ok(ready?.type === 'ready', JSON.stringify(ready))
  assert.deepEqual(ready.restoredEventTimes, { counts: 95 })
})
