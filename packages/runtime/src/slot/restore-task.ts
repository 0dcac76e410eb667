/** What a task has from a checkpoint besides entries of its operators: data in flight to it, and its keyed state. */
import {
  countRecords,
  type DeclaredTable,
  declaredTables,
  InFlightReplay,
  type InFlightStage,
  joinInFlight,
  keyGroupRange,
  type PlanVertex,
  readInFlight,
  SegmentLedger,
  selectInFlight,
} from '@millrace/core'
import { conversionsOf } from '../state/converted-group.ts'
import type { TaskKeyedState } from '../task/task-options.ts'
import type { TaskDeployment } from './protocol.ts'
import { NOTHING_RESTORED, type RestoreMeasures, restoreKeyedState } from './restore-keyed-state.ts'
import { nodeOf, type TaskBuilderOptions } from './task-builder-options.ts'

export interface RestoredTask {
  /** Worked off before anything is read; `undefined`: nothing was in flight. */
  readonly replay: InFlightReplay | undefined
  /** `undefined`: the task has no keyed state. */
  readonly keyed: TaskKeyedState | undefined
  readonly measures: RestoreMeasures
}

const KEYED_KINDS: ReadonlySet<string> = new Set(['keyedProcess', 'keyedReduce', 'keyedAggregate', 'window'])

/** Also makes the backend of a fresh start. */
export async function restoreTask(
  options: TaskBuilderOptions,
  vertex: PlanVertex,
  deployment: TaskDeployment,
): Promise<RestoredTask> {
  const replay = deployment.wasFinished ? undefined : await restoreInFlight(options, vertex, deployment)
  const isKeyed = vertex.steps.some((step) => KEYED_KINDS.has(nodeOf(options.graph, step).spec.kind))
  if (!isKeyed) return { replay, keyed: undefined, measures: NOTHING_RESTORED }
  return { replay, ...(await restoreKeyed(options, vertex, deployment)) }
}

async function restoreInFlight(
  { storageOf }: TaskBuilderOptions,
  vertex: PlanVertex,
  deployment: TaskDeployment,
): Promise<InFlightReplay | undefined> {
  const restored = deployment.restore?.inFlight ?? []
  if (restored.length === 0) return undefined
  const storage = storageOf(deployment.restore?.folder)
  const parts: (readonly InFlightStage[])[] = []
  for (const { subtask, segment } of restored) {
    const what = `data in flight to subtask ${subtask} of "${vertex.name}"`
    const { stages } = readInFlight(await storage.readSegment(segment), what)
    parts.push(selectInFlight(stages, subtask, { ...vertex, subtask: deployment.id.subtask }))
  }
  const stages = joinInFlight(parts)
  return countRecords(stages) === 0 ? undefined : new InFlightReplay(stages)
}

async function restoreKeyed(
  options: TaskBuilderOptions,
  vertex: PlanVertex,
  { id, restore }: TaskDeployment,
): Promise<{ keyed: TaskKeyedState; measures: RestoreMeasures }> {
  const { environment, storageOf } = options
  const range = keyGroupRange(id.subtask, vertex.parallelism, vertex.maxParallelism)
  const backend = await environment.createBackend(range, vertex.maxParallelism)
  const { asStored, measures } = await restoreKeyedState(restore?.keyGroups ?? {}, {
    storage: storageOf(restore?.folder),
    backend,
    clock: environment.clock,
    conversionsOf: (uid) => conversionsOf(restore?.tables[uid] ?? [], tablesOf(options, vertex, uid)),
  })
  // Deltas build only on segments of the job's own folder; after a savepoint the first checkpoint writes bases.
  const isOwn = restore?.folder === undefined
  // What was converted is in no file yet: the first checkpoint writes a base of it.
  const ledger = new SegmentLedger(isOwn ? asStored : [])
  return { keyed: { backend, ledger }, measures }
}

/** As the job declares them. */
function tablesOf({ graph }: TaskBuilderOptions, { steps }: PlanVertex, uid: string): readonly DeclaredTable[] {
  const step = steps.find((step) => step.uid === uid)
  return step === undefined ? [] : declaredTables(uid, nodeOf(graph, step).spec)
}
