/**
 * What the plan tells about a step besides its name: the facts that `info` prints, other hosts read and the graph's
 * hash covers. Plain data only; functions stay out (a function key shows as `null`).
 */
import {
  type AnyRecord,
  type KeySelector,
  LATE_OUTPUT,
  type LogicalNode,
  type NodeSpec,
  type PlainValue,
  type StateDeclarations,
} from '@millrace/api'

export type StepFacts = Readonly<Record<string, PlainValue>>

export function stepFacts(node: LogicalNode): StepFacts {
  const { spec } = node
  switch (spec.kind) {
    case 'source':
      return {
        source: spec.source.kind,
        options: spec.source.options,
        boundedness: spec.source.boundedness,
        replayable: spec.source.replayable,
        splitOrder: spec.source.splitOrder ?? 'interleaved',
        watermarks: spec.watermarks?.name ?? null,
        ...(spec.watermarks?.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: spec.watermarks.idleTimeoutMs }),
        ...outputFacts(node),
      }
    case 'map':
    case 'filter':
    case 'flatMap':
      return {}
    case 'process':
      return outputFacts(node)
    case 'keyedProcess':
      return { key: keyField(spec.key), states: stateFacts(spec.fn.state ?? {}), ...outputFacts(node) }
    case 'keyedReduce':
      return { key: keyField(spec.key) }
    case 'keyedAggregate':
      return { key: keyField(spec.key), aggregate: spec.aggregate.name }
    case 'window':
      return {
        key: keyField(spec.key),
        window: spec.assigner.kind,
        sizeMs: spec.assigner.sizeMs,
        slideMs: spec.assigner.slideMs,
        offsetMs: spec.assigner.offsetMs,
        allowedLatenessMs: spec.allowedLatenessMs,
        aggregate: spec.aggregate.name,
        ...outputFacts(node),
      }
    case 'sink':
      return { sink: spec.sink.kind, options: spec.sink.options, guarantee: spec.sink.guarantee }
  }
}

/** Names of the states that the user declared, in the order of declaration. */
export function declaredStates(spec: NodeSpec): readonly string[] {
  return spec.kind === 'keyedProcess' ? Object.keys(spec.fn.state ?? {}) : []
}

/** Names of the side outputs that a step may fill. */
export function declaredSideOutputs(spec: NodeSpec): readonly string[] {
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

/** Whether a checkpoint holds something of the step, so that its uid decides what a restore finds. */
export function isStateful(spec: NodeSpec): boolean {
  switch (spec.kind) {
    case 'source':
    case 'keyedProcess':
    case 'keyedReduce':
    case 'keyedAggregate':
    case 'window':
      return true
    case 'sink':
      return spec.sink.guarantee === 'exactly-once' || spec.sink.openCommitter !== undefined
    default:
      return false
  }
}

/** The key of a keyed step, `undefined` for all others. */
export function keyOf(spec: NodeSpec): KeySelector | undefined {
  switch (spec.kind) {
    case 'keyedProcess':
    case 'keyedReduce':
    case 'keyedAggregate':
    case 'window':
      return spec.key
    default:
      return undefined
  }
}

function keyField(key: KeySelector): string | null {
  return key.kind === 'field' ? key.field : null
}

function outputFacts(node: LogicalNode): StepFacts {
  const sideOutputs = declaredSideOutputs(node.spec)
  return sideOutputs.length === 0 ? {} : { sideOutputs }
}

function stateFacts(states: StateDeclarations): StepFacts {
  const facts: Record<string, PlainValue> = {}
  for (const [name, state] of Object.entries(states)) {
    facts[name] = {
      kind: state.kind,
      version: state.version,
      ...(state.ttlMs === undefined ? {} : { ttlMs: state.ttlMs }),
      ...(state.ttlRules === undefined ? {} : { ttlRules: { ...state.ttlRules } }),
      ...(state.kind === 'aggregating' ? { aggregate: (state.aggregate as AnyRecord).name as string } : {}),
    }
  }
  return facts
}
