/** What the tasks of a slot are built of: the job as built here, its plan, and what the configuration and the slot say. */
import { type LogicalGraph, type LogicalNode, MillraceError } from '@millrace/api'
import type {
  ChannelReader,
  ChannelWriter,
  CheckpointMode,
  PhysicalPlan,
  PlanEdge,
  PlanStep,
  PlanVertex,
} from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { TaskMetricsWriter } from '../metrics/task-metrics.ts'
import type { SnapshotStore, TaskEvents } from '../task/task-ports.ts'
import type { SlotDeployment, TaskDeployment } from './protocol.ts'
import type { SlotEnvironment } from './slot-environment.ts'

export interface TaskBuilderOptions {
  readonly environment: SlotEnvironment
  readonly deployment: SlotDeployment
  readonly graph: LogicalGraph
  readonly plan: PhysicalPlan
  /** Storage over a folder; `undefined`: the job's own. */
  storageOf(folder: string | undefined): CheckpointStorage
  readonly store: SnapshotStore
  readonly mode: CheckpointMode
  /** After how long barriers of checkpoints overtake data in flight; `undefined`: never. */
  readonly overtakeAfterMs: number | undefined
  /** What a task may take out of channels ahead of its work when a barrier overtakes. */
  readonly readAheadBytesMax: number
  readonly bufferTimeoutMs: number
  readonly developmentMode: boolean
  /** Records may be combined before an exchange. */
  readonly combines: boolean
  /** Writers and readers of the channels of this slot. */
  writerOf(edge: PlanEdge, fromSubtask: number, toSubtask: number): ChannelWriter
  readerOf(edge: PlanEdge, fromSubtask: number, toSubtask: number): ChannelReader
}

/** A task that is being built. */
export interface NewTask {
  readonly vertex: PlanVertex
  readonly deployment: TaskDeployment
  /** As users see it. */
  readonly name: string
  readonly metrics: TaskMetricsWriter
  readonly events: TaskEvents
}

export function vertexOf(plan: PhysicalPlan, id: string): PlanVertex {
  const vertex = plan.vertices.find((candidate) => candidate.id === id)
  if (vertex === undefined) throw new MillraceError('INTERNAL', `The plan has no vertex ${id}`)
  return vertex
}

/** What the job says of a step of the plan. */
export function nodeOf(graph: LogicalGraph, step: PlanStep): LogicalNode {
  const node = graph.nodes.find(({ id }) => id === step.nodeId)
  if (node === undefined) throw new MillraceError('INTERNAL', `The plan names step ${step.uid}, the job has none`)
  return node
}
