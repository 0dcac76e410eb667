/**
 * Which tables each kind of keyed step has, and how. Operators declare their tables by these, and what looks at state
 * without running the job (the check before a restore, the writer of savepoints) asks here too, so that there is one
 * answer.
 */
import type {
  AggregateFunction,
  AggregatePart,
  KeyedReduceSpec,
  NodeSpec,
  StateDescriptor,
  StateEvolution,
} from '@millrace/api'
import { type AggregateForm, jsonSchemaOf, type StoredPart, schemaForm } from './stored-form.ts'
import type { TableDescriptor, TableKind } from './table-descriptor.ts'

/** A table as the job has it, and what it says of other forms. */
export interface DeclaredTable {
  readonly descriptor: TableDescriptor
  readonly evolution: StateEvolution | undefined
  /** Of accumulators of several aggregates: these, in the order of their accumulators. */
  readonly parts?: readonly AggregatePart[]
}

/** All tables of a step; none for steps without keyed state. */
export function declaredTables(uid: string, spec: NodeSpec): readonly DeclaredTable[] {
  switch (spec.kind) {
    case 'keyedProcess':
      return [
        ...Object.entries(spec.fn.state ?? {}).map(([name, state]) => ({
          descriptor: stateTable(uid, name, state),
          evolution: state.evolution,
        })),
        ownTable(timerTable(uid, 'event')),
        ownTable(timerTable(uid, 'processing')),
      ]
    case 'keyedReduce':
      return [{ descriptor: reduceTable(uid, spec), evolution: spec.evolution }]
    case 'keyedAggregate':
      return [accumulatorTable(aggregateTable(uid, spec.aggregate), spec.aggregate)]
    case 'window':
      return [
        accumulatorTable(windowTable(uid, spec.aggregate), spec.aggregate),
        ownTable(windowProgressTable(uid)),
        ownTable(windowRefireTable(uid)),
      ]
    default:
      return []
  }
}

/** A state that the user declared. */
export function stateTable(operatorUid: string, name: string, state: StateDescriptor): TableDescriptor {
  const kind: TableKind = state.kind === 'list' || state.kind === 'map' ? state.kind : 'value'
  const form =
    state.kind === 'aggregating' ? formOf(state.aggregate, state.evolution?.schema) : schemaForm(state.evolution)
  const { version, ttlMs, ttlRules } = state
  return {
    operatorUid,
    name,
    kind,
    version,
    ttlMs,
    ...(ttlRules === undefined ? {} : { ttlRules }),
    ...(form === undefined ? {} : { form }),
  }
}

/** How the names of tables with timers begin: a backend may keep them in another way. */
export const TIMER_TABLES = '_timers-'

export function timerTable(operatorUid: string, domain: 'event' | 'processing'): TableDescriptor {
  return engineTable(operatorUid, `${TIMER_TABLES}${domain}`, 'namespaced')
}

export function reduceTable(operatorUid: string, { version, evolution }: KeyedReduceSpec): TableDescriptor {
  const form = schemaForm(evolution)
  return { ...engineTable(operatorUid, '_reduce', 'value', version), ...(form === undefined ? {} : { form }) }
}

export function aggregateTable(operatorUid: string, aggregate: AnyAggregate): TableDescriptor {
  return { ...engineTable(operatorUid, '_aggregate', 'value', aggregate.version), form: formOf(aggregate) }
}

/** The two layouts do not mix: an aggregate that gains or loses `merge` does not read the other's accumulators. */
export function windowTable(operatorUid: string, aggregate: AnyAggregate): TableDescriptor {
  const name = aggregate.merge === undefined ? '_windows' : '_window-slices'
  return { ...engineTable(operatorUid, name, 'namespaced', aggregate.version), form: formOf(aggregate) }
}

export function windowProgressTable(operatorUid: string): TableDescriptor {
  return engineTable(operatorUid, '_window-progress', 'value')
}

export function windowRefireTable(operatorUid: string): TableDescriptor {
  return engineTable(operatorUid, '_window-refire', 'namespaced')
}

// biome-ignore lint/suspicious/noExplicitAny: aggregates of every type
type AnyAggregate = AggregateFunction<any, any, any>

/** `schema`: of the accumulators, where the state says it itself. */
function formOf(aggregate: AnyAggregate, schema = aggregate.schema): AggregateForm {
  const { name, parts } = aggregate
  const described = jsonSchemaOf(schema)
  return {
    kind: 'aggregate',
    name,
    ...(parts === undefined ? {} : { parts: parts.map(storedPart) }),
    ...(described === undefined ? {} : { schema: described }),
  }
}

/** What a manifest says of a part. */
export function storedPart({ name, aggregate, heldAt }: AggregatePart): StoredPart {
  const schema = jsonSchemaOf(aggregate.schema)
  return {
    name,
    aggregate: aggregate.name,
    version: aggregate.version ?? 1,
    ...(heldAt === undefined ? {} : { heldAt }),
    ...(schema === undefined ? {} : { schema }),
  }
}

function engineTable(operatorUid: string, name: string, kind: TableKind, version = 1): TableDescriptor {
  return { operatorUid, name, kind, version, ttlMs: undefined }
}

function ownTable(descriptor: TableDescriptor): DeclaredTable {
  return { descriptor, evolution: undefined }
}

function accumulatorTable(descriptor: TableDescriptor, aggregate: AnyAggregate): DeclaredTable {
  const { parts, schema } = aggregate
  const migrate = aggregate.migrate?.bind(aggregate)
  return {
    descriptor,
    evolution: migrate === undefined && schema === undefined ? undefined : { migrate, schema },
    ...(parts === undefined ? {} : { parts }),
  }
}
