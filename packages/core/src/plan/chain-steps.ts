/**
 * Decides which steps run in one task. Chains are linear: a step joins its input's chain when nothing is lost by it –
 * the record stays in its subtask, and no other step reads that input's main output. Side outputs may leave from any
 * step of a chain.
 */
import type { LogicalEdge, LogicalGraph, LogicalNode, NodeId } from '@millrace/api'

/** A chain's steps, first to last; all have the same parallelism and slot sharing group. */
export type StepChain = readonly [LogicalNode, ...LogicalNode[]]

/** Chains in an order in which every chain comes after those it reads, chains with a source first. */
export function decideChains(graph: LogicalGraph, defaultParallelism: number): readonly StepChain[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const readers = countMainOutputReaders(graph)
  const chains: [LogicalNode, ...LogicalNode[]][] = []
  const chainOf = new Map<NodeId, [LogicalNode, ...LogicalNode[]]>()
  for (const node of graph.nodes) {
    const [edge] = node.inputs
    const from = edge === undefined ? undefined : nodes.get(edge.from)
    const joined = from === undefined ? undefined : chainOf.get(from.id)
    if (
      edge !== undefined &&
      from !== undefined &&
      joined !== undefined &&
      readers.get(from.id) === 1 &&
      isChained(edge, from, node, defaultParallelism)
    ) {
      joined.push(node)
      chainOf.set(node.id, joined)
    } else {
      const chain: [LogicalNode, ...LogicalNode[]] = [node]
      chains.push(chain)
      chainOf.set(node.id, chain)
    }
  }
  const isSource = (chain: StepChain) => chain[0].spec.kind === 'source'
  return [...chains.filter(isSource), ...chains.filter((chain) => !isSource(chain))]
}

function isChained(edge: LogicalEdge, from: LogicalNode, to: LogicalNode, defaultParallelism: number): boolean {
  return (
    to.inputs.length === 1 &&
    edge.partitioning.kind === 'forward' &&
    edge.sideOutput === undefined &&
    (from.parallelism ?? defaultParallelism) === (to.parallelism ?? defaultParallelism) &&
    from.slotSharingGroup === to.slotSharingGroup &&
    from.chain !== 'never' &&
    to.chain === 'always'
  )
}

/** How many edges read each step's main output; a step that is read twice by one other counts twice. */
function countMainOutputReaders(graph: LogicalGraph): ReadonlyMap<NodeId, number> {
  const readers = new Map<NodeId, number>()
  for (const node of graph.nodes) {
    for (const edge of node.inputs) {
      if (edge.sideOutput === undefined) readers.set(edge.from, (readers.get(edge.from) ?? 0) + 1)
    }
  }
  return readers
}
