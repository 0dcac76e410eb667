/** One slot of a job with parallelism 1, deployed as a coordinator does it: its messages and turns are the test's. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { buildGraph, type FileSystem, type JobDefinition, type LogicalGraph, type PlainValue } from '@millrace/api'
import { compilePlan, type KeyedStateBackend, type KeyGroupRange, type PlanVertex } from '@millrace/core'
import { type Clock, SystemClock, SystemRandom } from '../../src/clock/clock.ts'
import { createTaskMetrics } from '../../src/metrics/task-metrics.ts'
import type { FromSlot, TaskDeployment } from '../../src/slot/protocol.ts'
import { Slot } from '../../src/slot/slot.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { freshSplitEntry } from '../../src/task/source-driver.ts'
import { memoryDisk } from '../coordinator/inline-job.ts'

export interface DeployedSlotOptions {
  readonly clock?: Clock
  readonly files?: FileSystem
  readonly createBackend?: (keyGroups: KeyGroupRange, maxParallelism: number) => KeyedStateBackend
  /** Default: nothing is restored. */
  readonly restoreOf?: (vertex: PlanVertex) => TaskDeployment['restore']
  /** Sources get their splits; default: none. */
  readonly isFed?: boolean
}

export interface DeployedSlot {
  readonly slot: Slot
  /** What it has said so far. */
  readonly told: FromSlot[]
  /** The message with which it answered the deployment. */
  readonly answer: FromSlot
}

export async function deploySlot(
  t: TestContext,
  job: JobDefinition,
  options: DeployedSlotOptions = {},
): Promise<DeployedSlot> {
  const { clock = new SystemClock(), files = memoryDisk(), restoreOf = () => undefined } = options
  const graph = buildGraph(job, {})
  const plan = compilePlan(graph, { parallelism: 1 })
  const tasks: TaskDeployment[] = []
  for (const vertex of plan.vertices) {
    tasks.push({
      id: { vertexId: vertex.id, subtask: 0 },
      restore: restoreOf(vertex),
      entries: options.isFed === true ? await splitsOf(vertex, graph, files) : {},
      wasFinished: false,
      metrics: createTaskMetrics(),
    })
  }
  const told: FromSlot[] = []
  const slot = new Slot({
    clock,
    random: new SystemRandom(),
    files,
    loadJob: async () => ({ graph, plan }),
    post: (message) => void told.push(message),
    wakeUpOf: () => ({ wake() {} }),
    ownWakeUp: { wake() {} },
    createBackend:
      options.createBackend ??
      ((keyGroups, maxParallelism) =>
        new HeapStateBackend({
          keyGroups,
          maxParallelism,
          now: () => clock.now(),
          monotonicMs: () => clock.monotonicMs(),
        })),
    memory: () => ({ usedBytes: 0, limitBytes: 1 }),
  })
  t.after(() => slot.onMessage({ type: 'close' }))
  slot.onMessage({
    type: 'deploy',
    deployment: {
      slot: 0,
      attempt: 1,
      jobName: plan.jobName,
      lineage: '0123456789abcdef',
      graphHash: plan.graphHash,
      config: {},
      checkpointFolder: 'checkpoints',
      firstEpoch: 2,
      tasks,
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
  const isAnswer = ({ type }: FromSlot): boolean => type === 'ready' || type === 'failed'
  while (!told.some(isAnswer)) await setImmediate()
  const answer = told.find(isAnswer)
  assert.ok(answer !== undefined)
  return { slot, told, answer }
}

async function splitsOf(
  { steps }: PlanVertex,
  { nodes }: LogicalGraph,
  files: FileSystem,
): Promise<TaskDeployment['entries']> {
  const [step] = steps
  const spec = nodes.find(({ id }) => id === step?.nodeId)?.spec
  if (step === undefined || spec?.kind !== 'source') return {}
  const splits = await spec.source.enumerate({ files, parallelism: 1 })
  return { [step.uid]: splits.map((split, index) => freshSplitEntry(split, index)) as unknown as PlainValue[] }
}
