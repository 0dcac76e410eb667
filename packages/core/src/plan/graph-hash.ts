/**
 * The hash by which coordinator and slots compare their builds of one job. It covers everything that decides what
 * runs and can be seen from outside: structure, names, uids, options, settings, and the text of the user's functions.
 * What a function captured cannot be seen; two builds that differ only there have the same hash.
 */
import type {
  AggregateFunction,
  AnyRecord,
  KeySelector,
  LogicalGraph,
  LogicalNode,
  NodeSpec,
  PlainValue,
  StateDescriptor,
} from '@millrace/api'
import { stableHash128 } from './stable-hash.ts'
import { stepFacts } from './step-facts.ts'

export interface PlanSettings {
  readonly parallelism: number
  readonly maxParallelism?: number
}

type AnyFunction = (...args: never[]) => unknown

/** 32 hex digits. */
export function graphHash(graph: LogicalGraph, settings: PlanSettings): string {
  return stableHash128(
    canonicalText({
      jobName: graph.jobName,
      parallelism: settings.parallelism,
      maxParallelism: settings.maxParallelism ?? null,
      nodes: graph.nodes.map(describeNode),
    }),
  )
}

function describeNode(node: LogicalNode): PlainValue {
  return {
    id: node.id,
    kind: node.spec.kind,
    name: node.name,
    uid: node.uid,
    uidIsDerived: node.uidIsDerived,
    parallelism: node.parallelism ?? null,
    slotSharingGroup: node.slotSharingGroup,
    chain: node.chain,
    facts: stepFacts(node),
    functions: functionsOf(node.spec).map((fn) => (fn === undefined ? null : String(fn))),
    inputs: node.inputs.map((edge) => ({
      from: edge.from,
      sideOutput: edge.sideOutput ?? null,
      partitioning: edge.partitioning.kind,
      key: edge.partitioning.kind === 'hash' ? describeKey(edge.partitioning.key) : null,
    })),
  }
}

function describeKey(key: KeySelector): PlainValue {
  return key.kind === 'field' ? { field: key.field } : { select: String(key.select) }
}

function functionsOf(spec: NodeSpec): readonly (AnyFunction | undefined)[] {
  switch (spec.kind) {
    case 'source':
      return spec.watermarks === undefined ? [] : [spec.watermarks.timestamp, spec.watermarks.createGenerator]
    case 'map':
      return [spec.map]
    case 'filter':
      return [spec.filter]
    case 'flatMap':
      return [spec.flatMap]
    case 'process':
      return [spec.fn.onRecord, spec.fn.onEnd]
    case 'keyedProcess':
      return [
        ...keyFunctions(spec.key),
        spec.fn.onRecord,
        spec.fn.onTimer,
        ...Object.values(spec.fn.state ?? {}).flatMap(stateFunctions),
      ]
    case 'keyedReduce':
      return [...keyFunctions(spec.key), spec.reduce]
    case 'keyedAggregate':
      return [...keyFunctions(spec.key), ...aggregateFunctions(spec.aggregate), spec.project]
    case 'window':
      return [...keyFunctions(spec.key), ...aggregateFunctions(spec.aggregate), spec.project]
    case 'sink':
      return []
  }
}

function keyFunctions(key: KeySelector): readonly AnyFunction[] {
  return key.kind === 'function' ? [key.select] : []
}

function aggregateFunctions(
  aggregate: AggregateFunction<AnyRecord, AnyRecord, AnyRecord>,
): readonly (AnyFunction | undefined)[] {
  return [aggregate.create, aggregate.add, aggregate.result, aggregate.merge]
}

function stateFunctions(state: StateDescriptor): readonly (AnyFunction | undefined)[] {
  if (state.kind === 'reducing') return [state.reduce]
  return state.kind === 'aggregating' ? aggregateFunctions(state.aggregate) : []
}

/** JSON with the properties of every object in the order of their names; what is `undefined` is left out. */
export function canonicalText(value: PlainValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonicalText).join(',')}]`
  const parts: string[] = []
  for (const name of Object.keys(value).sort()) {
    const item = value[name]
    if (item !== undefined) parts.push(`${JSON.stringify(name)}:${canonicalText(item)}`)
  }
  return `{${parts.join(',')}}`
}

function isList(value: PlainValue): value is readonly PlainValue[] {
  return Array.isArray(value)
}
