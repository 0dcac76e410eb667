/**
 * Collects the steps of a job in the order in which they are written. A step is complete when it is added and never
 * changed afterwards; ids are positions, so the same calls give the same graph.
 */
import { MillraceError } from '../error/millrace-error.ts'
import { nearestName } from '../option/nearest-name.ts'
import type { StepOptions } from '../stream/step-options.ts'
import { LATE_OUTPUT, type LogicalEdge, type LogicalGraph, type LogicalNode, type NodeSpec } from './logical-graph.ts'

const DEFAULT_SLOT_SHARING_GROUP = 'default'

/** The graph while `build()` runs. */
export class GraphBuilder {
  readonly #jobName: string
  readonly #nodes: LogicalNode[] = []
  #finished = false

  constructor(jobName: string) {
    this.#jobName = jobName
  }

  /** Adds a step and returns the edge that starts at its main output. `options` were checked by the caller. */
  add(spec: NodeSpec, inputs: readonly LogicalEdge[], options: StepOptions): LogicalEdge {
    if (this.#finished) {
      throw new MillraceError('GRAPH_INVALID', `A ${spec.kind} step was added after build() had returned`, {
        details: { job: this.#jobName },
        hint: 'Write all steps while build() runs, not in callbacks or after an await.',
      })
    }
    const id = this.#nodes.length
    this.#nodes.push({
      id,
      spec,
      inputs,
      name: options.name ?? shownKind(spec),
      uid: options.uid ?? `${spec.kind}-${id}`,
      uidIsDerived: options.uid === undefined,
      parallelism: options.parallelism,
      slotSharingGroup: options.slotSharingGroup ?? this.#inheritedGroup(inputs),
      chain: options.chain ?? 'always',
    })
    return { from: id, sideOutput: undefined, partitioning: { kind: 'forward' } }
  }

  /** The edge that starts at a side output. Throws `GRAPH_INVALID` when the step declares none of that name. */
  sideOutput(from: LogicalEdge, name: string): LogicalEdge {
    const node = this.#nodes[from.from]
    const declared = node === undefined ? [] : sideOutputsOf(node.spec)
    if (node === undefined || from.sideOutput !== undefined || !declared.includes(name)) {
      const nearest = nearestName(name, declared)
      const known = declared.length === 0 ? 'It has none.' : `It has ${declared.join(', ')}.`
      throw new MillraceError('GRAPH_INVALID', `Step "${node?.uid}" has no side output "${name}"`, {
        details: { job: this.#jobName, operator: node?.uid },
        hint: node?.spec.kind === 'source' ? sourceHint(name, known) : nearest ? `Did you mean "${nearest}"?` : known,
      })
    }
    return { from: from.from, sideOutput: name, partitioning: { kind: 'forward' } }
  }

  /** The graph; afterwards no step can be added. */
  finish(): LogicalGraph {
    this.#finished = true
    return { jobName: this.#jobName, nodes: this.#nodes }
  }

  #inheritedGroup(inputs: readonly LogicalEdge[]): string {
    const groups = new Set(inputs.map((edge) => this.#nodes[edge.from]?.slotSharingGroup))
    const [group] = groups
    return groups.size === 1 && group !== undefined ? group : DEFAULT_SLOT_SHARING_GROUP
  }
}

/** Names of the side outputs that a step declares. */
export function sideOutputsOf(spec: NodeSpec): readonly string[] {
  switch (spec.kind) {
    case 'source':
      return spec.source.sideOutputs ?? []
    case 'process':
    case 'keyedProcess':
      return Object.keys(spec.fn.sideOutputs ?? {})
    case 'window':
      return [LATE_OUTPUT]
    default:
      return []
  }
}

function shownKind(spec: NodeSpec): string {
  if (spec.kind === 'source') return spec.source.kind
  return spec.kind === 'sink' ? spec.sink.kind : spec.kind
}

function sourceHint(name: string, known: string): string {
  return name === 'deadLetter' ? `Give the source onError: 'deadLetter'. ${known}` : known
}
