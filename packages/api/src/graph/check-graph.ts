/** What a whole graph must fulfil beyond its single steps. */
import { MillraceError } from '../error/millrace-error.ts'
import type { LogicalGraph, LogicalNode, NodeId } from './logical-graph.ts'

/** Throws `GRAPH_EMPTY`, `UID_DUPLICATE` or `EVENT_TIME_WITHOUT_WATERMARKS`. */
export function checkGraph(graph: LogicalGraph): void {
  checkSinks(graph)
  checkUids(graph)
  checkEventTime(graph)
}

function checkSinks(graph: LogicalGraph): void {
  if (graph.nodes.some((node) => node.spec.kind === 'sink')) return
  throw new MillraceError('GRAPH_EMPTY', `Job "${graph.jobName}" has no sink, so nothing would come of it`, {
    details: { job: graph.jobName },
    hint: 'End a stream with .to(sink).',
  })
}

function checkUids(graph: LogicalGraph): void {
  const byUid = new Map<string, LogicalNode>()
  for (const node of graph.nodes) {
    const other = byUid.get(node.uid)
    if (other !== undefined) {
      throw new MillraceError(
        'UID_DUPLICATE',
        `Two steps of job "${graph.jobName}" have the uid "${node.uid}": ${place(other)} and ${place(node)}`,
        { details: { job: graph.jobName, uid: node.uid }, hint: 'Give each step a uid of its own.' },
      )
    }
    byUid.set(node.uid, node)
  }
}

function place(node: LogicalNode): string {
  return `step ${node.id} (${node.name}${node.uidIsDerived ? ', derived' : ''})`
}

/** A window over a source without watermarks never fires and finds no timestamps in the source's records. */
function checkEventTime(graph: LogicalGraph): void {
  // Inputs come before their consumers, so one pass finds for each step a source that gives it no watermarks.
  const sourceWithout = new Map<NodeId, LogicalNode>()
  for (const node of graph.nodes) {
    const { spec } = node
    if (spec.kind === 'source' && spec.watermarks === undefined) sourceWithout.set(node.id, node)
    for (const edge of node.inputs) {
      const source = sourceWithout.get(edge.from)
      if (source !== undefined) sourceWithout.set(node.id, source)
    }
    const source = sourceWithout.get(node.id)
    if (spec.kind === 'window' && source !== undefined) {
      throw new MillraceError(
        'EVENT_TIME_WITHOUT_WATERMARKS',
        `The window "${node.uid}" works in event time, but source "${source.uid}" has no watermarks`,
        {
          details: { job: graph.jobName, operator: node.uid, source: source.uid },
          hint: 'Say where the time of a record is: env.from(source, { watermarks: ascending((record) => record.at) }).',
        },
      )
    }
  }
}
