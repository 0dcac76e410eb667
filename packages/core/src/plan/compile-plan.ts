/**
 * Logical graph → physical plan: chains become vertices, what is left of the edges becomes exchanges. Pure: the same
 * graph and settings give the same plan, in the coordinator and in every slot.
 */
import type { LogicalEdge, LogicalGraph, LogicalNode, NodeId, NodeSpec } from '@millrace/api'
import { defaultMaxParallelism } from '../key/key-group.ts'
import { decideChains, type StepChain } from './chain-steps.ts'
import { checkGraph } from './check-graph.ts'
import { graphHash, type PlanSettings } from './graph-hash.ts'
import {
  type PhysicalPlan,
  PLAN_VERSION,
  type PlanEdge,
  type PlanPartitioning,
  type PlanStep,
  type PlanVertex,
} from './physical-plan.ts'
import { stableHash128 } from './stable-hash.ts'
import { declaredStates, isStateful, stepFacts } from './step-facts.ts'

/**
 * Throws `GRAPH_EMPTY`, `GRAPH_INVALID` or `UID_DUPLICATE`. Steps without a parallelism of their own get
 * `settings.parallelism`; without `settings.maxParallelism` each vertex gets the default for its parallelism.
 */
export function compilePlan(graph: LogicalGraph, settings: PlanSettings): PhysicalPlan {
  checkGraph(graph, settings)
  const chains = decideChains(graph, settings.parallelism)
  const vertices = chains.map((chain) => vertexOf(chain, settings))
  return {
    version: PLAN_VERSION,
    jobName: graph.jobName,
    graphHash: graphHash(graph, settings),
    vertices,
    edges: edgesOf(chains, vertices),
    warnings: graph.nodes.flatMap(warningsOf),
  }
}

/** Slots per slot sharing group: as many as its widest vertex has subtasks. */
export function slotsNeeded(plan: PhysicalPlan): ReadonlyMap<string, number> {
  const slots = new Map<string, number>()
  for (const { slotSharingGroup, parallelism } of plan.vertices) {
    slots.set(slotSharingGroup, Math.max(slots.get(slotSharingGroup) ?? 0, parallelism))
  }
  return slots
}

/** The id of the vertex whose first step has this uid. */
export function vertexIdOf(uid: string): string {
  return stableHash128(`vertex:${uid}`)
}

function vertexOf(chain: StepChain, settings: PlanSettings): PlanVertex {
  const [head] = chain
  const parallelism = head.parallelism ?? settings.parallelism
  return {
    id: vertexIdOf(head.uid),
    name: chain.map(labelOf).join(' -> '),
    parallelism,
    maxParallelism: settings.maxParallelism ?? defaultMaxParallelism(parallelism),
    slotSharingGroup: head.slotSharingGroup,
    steps: chain.map(stepOf),
    isSource: head.spec.kind === 'source',
  }
}

/** The user's own word for a step where there is one: its name, else its uid. */
function labelOf({ spec, name, uid, uidIsDerived }: LogicalNode): string {
  const kind = spec.kind === 'source' ? spec.source.kind : spec.kind === 'sink' ? spec.sink.kind : spec.kind
  return name === kind && !uidIsDerived ? uid : name
}

function stepOf(node: LogicalNode): PlanStep {
  return {
    nodeId: node.id,
    uid: node.uid,
    uidIsDerived: node.uidIsDerived,
    name: node.name,
    kind: node.spec.kind,
    facts: stepFacts(node),
    states: declaredStates(node.spec),
  }
}

interface StepPlace {
  readonly vertex: PlanVertex
  readonly step: number
}

/** By reading vertex, then in the order of its inputs. Only a chain's first step has inputs that are exchanges. */
function edgesOf(chains: readonly StepChain[], vertices: readonly PlanVertex[]): readonly PlanEdge[] {
  const places = new Map<NodeId, StepPlace>()
  for (const vertex of vertices) {
    for (const [step, { nodeId }] of vertex.steps.entries()) places.set(nodeId, { vertex, step })
  }
  const edges: PlanEdge[] = []
  for (const [head] of chains) {
    for (const input of head.inputs) {
      const from = places.get(input.from) as StepPlace
      const to = places.get(head.id) as StepPlace
      edges.push({
        id: `e${edges.length}`,
        from: from.vertex.id,
        fromStep: from.step,
        sideOutput: input.sideOutput,
        to: to.vertex.id,
        partitioning: partitioningOf(input, from.vertex, to.vertex, head.spec),
      })
    }
  }
  return edges
}

function partitioningOf(edge: LogicalEdge, from: PlanVertex, to: PlanVertex, reader: NodeSpec): PlanPartitioning {
  const { partitioning } = edge
  switch (partitioning.kind) {
    case 'hash':
      return {
        kind: 'hash',
        field: partitioning.key.kind === 'field' ? partitioning.key.field : undefined,
        ...(reader.kind === 'window' && reader.aggregate.merge !== undefined ? { combines: true } : {}),
      }
    case 'rebalance':
      return { kind: 'rebalance' }
    case 'forward':
      return { kind: from.parallelism === to.parallelism ? 'forward' : 'rebalance' }
  }
}

function warningsOf(node: LogicalNode): readonly string[] {
  if (!node.uidIsDerived || !isStateful(node.spec)) return []
  return [
    `Step "${node.name}" keeps state and has no uid; it goes by the derived uid "${node.uid}". ` +
      'Give it a uid, so that checkpoints still fit after the job was changed.',
  ]
}
