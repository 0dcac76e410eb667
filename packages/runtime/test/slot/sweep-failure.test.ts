/** What fails while expired state is removed is the failure of the task whose state it is, not of its thread. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  buildGraph,
  collect,
  defineJob,
  generator,
  type JobDefinition,
  keyedProcess,
  MillraceError,
  type,
  valueState,
} from '@millrace/api'
import { compilePlan } from '@millrace/core'
import { SystemClock, SystemRandom } from '../../src/clock/clock.ts'
import { createTaskMetrics } from '../../src/metrics/task-metrics.ts'
import type { FromSlot } from '../../src/slot/protocol.ts'
import { Slot } from '../../src/slot/slot.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { memoryDisk } from '../coordinator/inline-job.ts'

/** Its disk is full when it removes what has expired. */
class FullBackend extends HeapStateBackend {
  override sweepDueMs(): number {
    return 0
  }
  override sweepExpired(): boolean {
    throw new MillraceError('DISK_FAILED', 'There is no room')
  }
}

const keep = keyedProcess({
  state: { seen: valueState<number>({ ttl: '1 s' }) },
  emits: type<number>(),
  onRecord(_record: { readonly k: string }, { state }) {
    state.seen.set(1)
  },
})

const job = defineJob({
  name: 'swept',
  build(env) {
    env
      .from(generator({ records: 1, generate: () => ({ k: 'a' }) }), { uid: 'numbers' })
      .keyBy('k')
      .process(keep, { uid: 'keep' })
      .to(collect('out'), { uid: 'out' })
  },
}) as unknown as JobDefinition

test('a failure while expired state is removed is told as that of the task', async (t) => {
  const graph = buildGraph(job, {})
  const plan = compilePlan(graph, { parallelism: 1 })
  const told: FromSlot[] = []
  const slot = new Slot({
    clock: new SystemClock(),
    random: new SystemRandom(),
    files: memoryDisk(),
    loadJob: async () => ({ graph, plan }),
    post: (message) => void told.push(message),
    wakeUpOf: () => ({ wake() {} }),
    ownWakeUp: { wake() {} },
    createBackend: (keyGroups, maxParallelism) =>
      new FullBackend({ keyGroups, maxParallelism, now: () => 0, monotonicMs: () => 0 }),
    memory: () => ({ usedBytes: 0, limitBytes: 1 }),
  })
  t.after(() => slot.onMessage({ type: 'close' }))
  slot.onMessage({
    type: 'deploy',
    deployment: {
      slot: 0,
      attempt: 1,
      jobName: 'swept',
      lineage: '0123456789abcdef',
      graphHash: plan.graphHash,
      config: {},
      checkpointFolder: 'checkpoints',
      firstEpoch: 1,
      tasks: plan.vertices.map((vertex) => ({
        id: { vertexId: vertex.id, subtask: 0 },
        restore: undefined,
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
  while (!told.some(({ type }) => type === 'ready' || type === 'failed')) await setImmediate()
  slot.onMessage({ type: 'start', restoredEventTimes: {} })
  slot.turn()
  const failed = told.find(({ type }) => type === 'failed')
  assert.ok(failed?.type === 'failed', JSON.stringify(told))
  assert.equal(failed.error.code, 'DISK_FAILED')
  assert.match(failed.error.message, /keep.*There is no room/i)
})
