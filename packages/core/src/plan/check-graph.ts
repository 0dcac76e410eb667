/**
 * Refuses a logical graph that cannot run, before anything is derived from it. The stream classes of the API cannot
 * write most of these graphs; the checks stand for graphs that came about some other way, and for settings.
 */
import { type LogicalGraph, type LogicalNode, MillraceError, type NodeId } from '@millrace/api'
import { MAX_PARALLELISM_LIMIT } from '../key/key-group.ts'
import type { PlanSettings } from './graph-hash.ts'
import { declaredSideOutputs, keyOf } from './step-facts.ts'

/** Throws `GRAPH_EMPTY`, `GRAPH_INVALID`, `UID_DUPLICATE` or `OPTION_INVALID`. */
export function checkGraph(graph: LogicalGraph, settings: PlanSettings): void {
  checkSettings(settings)
  if (!graph.nodes.some((node) => node.spec.kind === 'sink')) {
    throw new MillraceError('GRAPH_EMPTY', `Job "${graph.jobName}" has no sink, so it would do nothing`, {
      details: { job: graph.jobName },
      hint: 'End a stream in .to(sink).',
    })
  }
  const earlier = new Map<NodeId, LogicalNode>()
  const uids = new Map<string, LogicalNode>()
  for (const node of graph.nodes) {
    checkUid(node, uids)
    checkParallelism(node, settings)
    checkInputs(node, earlier)
    if (earlier.has(node.id)) throw invalid(node, `has the id ${node.id} of an earlier step`)
    earlier.set(node.id, node)
  }
}

function checkSettings(settings: PlanSettings): void {
  if (!isCount(settings.parallelism)) {
    throw new MillraceError('GRAPH_INVALID', `Parallelism ${settings.parallelism} is no positive whole number`, {
      details: { parallelism: settings.parallelism },
    })
  }
  const { maxParallelism } = settings
  if (maxParallelism !== undefined && (!isCount(maxParallelism) || maxParallelism > MAX_PARALLELISM_LIMIT)) {
    throw new MillraceError(
      'GRAPH_INVALID',
      `Maximum parallelism ${maxParallelism} is not between 1 and ${MAX_PARALLELISM_LIMIT}`,
      { details: { maxParallelism }, hint: 'Set pipeline.max-parallelism within these bounds.' },
    )
  }
}

function checkUid(node: LogicalNode, uids: Map<string, LogicalNode>): void {
  const other = uids.get(node.uid)
  if (other !== undefined) {
    throw new MillraceError(
      'UID_DUPLICATE',
      `Steps "${other.name}" and "${node.name}" both have the uid "${node.uid}"`,
      {
        details: { uid: node.uid },
        hint: 'Give each step a uid of its own.',
      },
    )
  }
  uids.set(node.uid, node)
}

function checkParallelism(node: LogicalNode, settings: PlanSettings): void {
  const parallelism = node.parallelism ?? settings.parallelism
  if (!isCount(parallelism))
    throw invalid(node, `has the parallelism ${parallelism}, which is no positive whole number`)
  const limit = settings.maxParallelism ?? MAX_PARALLELISM_LIMIT
  if (parallelism > limit) {
    throw invalid(
      node,
      `has the parallelism ${parallelism}, above the maximum parallelism ${limit}`,
      `Lower the parallelism${limit < MAX_PARALLELISM_LIMIT ? ', or raise pipeline.max-parallelism' : ''}.`,
    )
  }
}

function checkInputs(node: LogicalNode, earlier: ReadonlyMap<NodeId, LogicalNode>): void {
  const isSource = node.spec.kind === 'source'
  if (isSource && node.inputs.length > 0) throw invalid(node, 'is a source and has an input')
  if (!isSource && node.inputs.length === 0) throw invalid(node, 'has no input')
  const isKeyed = keyOf(node.spec) !== undefined
  for (const edge of node.inputs) {
    const from = earlier.get(edge.from)
    if (from === undefined) throw invalid(node, `reads step ${edge.from}, which does not come before it`)
    if (from.spec.kind === 'sink') throw invalid(node, `reads the sink "${from.name}"`)
    if (edge.sideOutput !== undefined && !declaredSideOutputs(from.spec).includes(edge.sideOutput)) {
      throw invalid(
        node,
        `reads the side output "${edge.sideOutput}", which "${from.name}" does not have`,
        `It has ${declaredSideOutputs(from.spec).join(', ') || 'none'}.`,
      )
    }
    if (isKeyed && edge.partitioning.kind !== 'hash') throw invalid(node, 'is keyed and has an input that is not')
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}

function invalid(node: LogicalNode, what: string, hint?: string): MillraceError {
  return new MillraceError('GRAPH_INVALID', `Step "${node.name}" ${what}`, {
    details: { operator: node.name, uid: node.uid },
    ...(hint === undefined ? {} : { hint }),
  })
}
