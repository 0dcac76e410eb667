/**
 * Puts together what the subtasks acknowledged into one manifest: per operator the key groups of all subtasks, their
 * entries and committables. Refuses two subtasks that claim the same key group: that would be a fault of the engine,
 * and a checkpoint that cannot be trusted.
 */
import { MillraceError, type PlainValue } from '@millrace/api'
import type { PhysicalPlan, PlanVertex } from '../plan/physical-plan.ts'
import type { TableDescriptor } from '../state/table-descriptor.ts'
import type { CheckpointRecord } from './checkpoint-statistics.ts'
import type { Future } from './future.ts'
import {
  type CheckpointManifest,
  type KeyGroupSnapshot,
  MANIFEST_VERSION,
  type OperatorSnapshot,
  type SubtaskOperatorSnapshot,
  type SubtaskSnapshot,
  type VertexMeasures,
} from './manifest.ts'

export interface ManifestFacts {
  readonly lineage: string
  readonly futures: readonly Future[]
  readonly checkpointId: number
  readonly kind: 'checkpoint' | 'savepoint'
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  readonly isFinal: boolean
}

/**
 * `snapshotOf` gives what a subtask acknowledged. Throws `INTERNAL` when one is missing or two do not fit together.
 * Entries of the subtasks are interleaved (first of each, second of each, …), which keeps the order of splits that were
 * dealt out round robin. `measured`: what the subtasks told with their acknowledgements.
 */
export function assembleManifest(
  plan: PhysicalPlan,
  facts: ManifestFacts,
  snapshotOf: (vertexId: string, subtask: number) => SubtaskSnapshot | undefined,
  measured: CheckpointRecord['vertices'] = [],
): CheckpointManifest {
  const operators = plan.vertices.flatMap((vertex) => {
    const snapshots = Array.from({ length: vertex.parallelism }, (_, subtask) => {
      const snapshot = snapshotOf(vertex.id, subtask)
      if (snapshot === undefined) throw inconsistent(facts, `subtask ${subtask} of "${vertex.name}" is missing`)
      return snapshot
    })
    const finishedSubtasks = snapshots.flatMap((snapshot, subtask) => (snapshot.finished ? [subtask] : []))
    return vertex.steps.map((step) => {
      const parts = snapshots.map((snapshot) => snapshot.operators.find((operator) => operator.uid === step.uid))
      return operatorSnapshot(facts, vertex, step.uid, step.name, parts, finishedSubtasks)
    })
  })
  const measures = measuresOf(plan, measured)
  const { futures, ...others } = facts
  return {
    version: MANIFEST_VERSION,
    jobName: plan.jobName,
    ...others,
    ...(futures.length === 0 ? {} : { futures }),
    operators,
    ...(measures.length === 0 ? {} : { measures }),
  }
}

/** Of the vertices whose subtasks have all answered. */
function measuresOf(plan: PhysicalPlan, measured: CheckpointRecord['vertices']): readonly VertexMeasures[] {
  const byId = new Map(measured.map(({ vertexId, subtasks }) => [vertexId, subtasks]))
  return plan.vertices.flatMap(({ id, name, parallelism }) => {
    const subtasks = (byId.get(id) ?? []).filter((subtask) => subtask !== undefined)
    return subtasks.length === parallelism ? [{ vertexId: id, name, subtasks }] : []
  })
}

function operatorSnapshot(
  facts: ManifestFacts,
  vertex: PlanVertex,
  uid: string,
  name: string,
  parts: readonly (SubtaskOperatorSnapshot | undefined)[],
  finishedSubtasks: readonly number[],
): OperatorSnapshot {
  const present = parts.filter((part) => part !== undefined)
  const inFlight = parts.flatMap((part, subtask) =>
    part?.inFlight === undefined ? [] : [{ ...part.inFlight, subtask }],
  )
  return {
    uid,
    name,
    parallelism: vertex.parallelism,
    maxParallelism: vertex.maxParallelism,
    tables: mergeTables(facts, present),
    keyGroups: mergeKeyGroups(facts, uid, present),
    entries: interleave(parts.map((part) => part?.entries ?? [])),
    committables: present.flatMap((part) => part.committables),
    finishedSubtasks,
    ...(inFlight.length === 0 ? {} : { inFlight }),
  }
}

function mergeKeyGroups(
  facts: ManifestFacts,
  uid: string,
  parts: readonly SubtaskOperatorSnapshot[],
): readonly KeyGroupSnapshot[] {
  const groups = parts.flatMap((part) => part.keyGroups).filter((group) => group.segments.length > 0)
  groups.sort((a, b) => a.keyGroup - b.keyGroup)
  groups.forEach((group, i) => {
    if (i > 0 && groups[i - 1]?.keyGroup === group.keyGroup) {
      throw inconsistent(facts, `two subtasks of "${uid}" hold key group ${group.keyGroup}`)
    }
  })
  return groups
}

function mergeTables(facts: ManifestFacts, parts: readonly SubtaskOperatorSnapshot[]): readonly TableDescriptor[] {
  const tables = new Map<string, TableDescriptor>()
  for (const table of parts.flatMap((part) => part.tables)) {
    const known = tables.get(table.name)
    if (known !== undefined && (known.kind !== table.kind || known.version !== table.version)) {
      throw inconsistent(facts, `subtasks declare state "${table.name}" of "${table.operatorUid}" differently`)
    }
    tables.set(table.name, known ?? table)
  }
  return [...tables.values()]
}

function interleave(lists: readonly (readonly PlainValue[])[]): readonly PlainValue[] {
  const longest = lists.reduce((length, list) => Math.max(length, list.length), 0)
  const all: PlainValue[] = []
  for (let i = 0; i < longest; i++) {
    for (const list of lists) if (i < list.length) all.push(list[i] as PlainValue)
  }
  return all
}

function inconsistent(facts: ManifestFacts, problem: string): MillraceError {
  return new MillraceError('INTERNAL', `Checkpoint ${facts.checkpointId} does not fit together: ${problem}`, {
    details: { checkpointId: facts.checkpointId },
  })
}
