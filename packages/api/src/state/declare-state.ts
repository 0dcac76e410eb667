/** Declares the states of a keyed process function: `state: { seen: valueState<number>() }`. */
import type { AggregateFunction } from '../aggregate/aggregate-function.ts'
import type { SchemaOutput } from '../job/standard-schema.ts'
import { checkChoice, checkFunction, checkOptions, checkWholeNumber, invalidOption } from '../option/check-options.ts'
import { parseDurationMs } from '../time/duration.ts'
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  StateOptions,
  TtlRules,
  TtlUpdate,
  TtlVisibility,
  ValueStateDescriptor,
} from './state-descriptor.ts'
import {
  type AnySchema,
  isSchema,
  type KeyMigrationOptions,
  type MigrationOptions,
  parseEvolution,
  type StateEvolution,
} from './state-evolution.ts'

const UPDATES: readonly TtlUpdate[] = ['onCreateAndWrite', 'onReadAndWrite']
const VISIBILITIES: readonly TtlVisibility[] = ['neverReturnExpired', 'returnExpiredIfNotCleanedUp']
/** As in Flink. */
const DEFAULT_RULES: TtlRules = {
  update: 'onCreateAndWrite',
  visibility: 'neverReturnExpired',
  cleanupInBackground: true,
}

/** One value per key; given a schema, of the type that it gives. */
export function valueState<Schema extends AnySchema>(
  schema: Schema,
  options?: StateOptions & MigrationOptions<SchemaOutput<Schema>>,
): ValueStateDescriptor<SchemaOutput<Schema>>
export function valueState<V>(options?: StateOptions & MigrationOptions<V>): ValueStateDescriptor<V>
export function valueState(
  first?: AnySchema | (StateOptions & MigrationOptions<unknown>),
  second?: StateOptions & MigrationOptions<unknown>,
): ValueStateDescriptor<unknown> {
  const { schema, options } = schemaAndOptions(first, second)
  return { kind: 'value', ...parseStateOptions('valueState', options, { schema, migrate: options?.migrate }) }
}

/** A list per key, in the order in which values were added; given a schema, of elements of the type that it gives. */
export function listState<Schema extends AnySchema>(
  schema: Schema,
  options?: StateOptions & MigrationOptions<SchemaOutput<Schema>>,
): ListStateDescriptor<SchemaOutput<Schema>>
export function listState<V>(options?: StateOptions & MigrationOptions<V>): ListStateDescriptor<V>
export function listState(
  first?: AnySchema | (StateOptions & MigrationOptions<unknown>),
  second?: StateOptions & MigrationOptions<unknown>,
): ListStateDescriptor<unknown> {
  const { schema, options } = schemaAndOptions(first, second)
  return { kind: 'list', ...parseStateOptions('listState', options, { schema, migrate: options?.migrate }) }
}

type MapStateOptions<K, V> = StateOptions & MigrationOptions<V> & KeyMigrationOptions<K>

/**
 * A map per key whose entries are stored and expire one by one; larger than memory when the backend is. Given two
 * schemas, of keys and of values of the types that they give.
 */
export function mapState<KeySchema extends AnySchema, Schema extends AnySchema>(
  keySchema: KeySchema,
  schema: Schema,
  options?: MapStateOptions<SchemaOutput<KeySchema>, SchemaOutput<Schema>>,
): MapStateDescriptor<SchemaOutput<KeySchema>, SchemaOutput<Schema>>
export function mapState<K, V>(options?: MapStateOptions<K, V>): MapStateDescriptor<K, V>
export function mapState(
  first?: AnySchema | MapStateOptions<unknown, unknown>,
  second?: AnySchema,
  third?: MapStateOptions<unknown, unknown>,
): MapStateDescriptor<unknown, unknown> {
  const keySchema = isSchema(first) ? first : undefined
  const options = isSchema(first) ? third : first
  const given = { keySchema, schema: second, migrate: options?.migrate, migrateKey: options?.migrateKey }
  return { kind: 'map', ...parseStateOptions('mapState', options, given) }
}

type Reduce<V> = (a: V, b: V) => V

/** One value per key into which every added value is folded; given a schema, of the type that it gives. */
export function reducingState<Schema extends AnySchema>(
  schema: Schema,
  reduce: Reduce<SchemaOutput<Schema>>,
  options?: StateOptions & MigrationOptions<SchemaOutput<Schema>>,
): ReducingStateDescriptor<SchemaOutput<Schema>>
export function reducingState<V>(
  reduce: Reduce<V>,
  options?: StateOptions & MigrationOptions<V>,
): ReducingStateDescriptor<V>
export function reducingState(
  first: AnySchema | Reduce<unknown>,
  second?: Reduce<unknown> | (StateOptions & MigrationOptions<unknown>),
  third?: StateOptions & MigrationOptions<unknown>,
): ReducingStateDescriptor<unknown> {
  const schema = isSchema(first) ? first : undefined
  const reduce = (schema === undefined ? first : second) as Reduce<unknown>
  const options = (schema === undefined ? second : third) as (StateOptions & MigrationOptions<unknown>) | undefined
  checkFunction('reducingState', 'reduce', reduce)
  return {
    kind: 'reducing',
    reduce,
    ...parseStateOptions('reducingState', options, { schema, migrate: options?.migrate }),
  }
}

/**
 * One accumulator per key into which every added value goes; reading gives the aggregate's result. Schema, version and migration
 * are of the accumulator, and those of the aggregate where none are given here.
 */
export function aggregatingState<Schema extends AnySchema, T, R>(
  schema: Schema,
  aggregate: AggregateFunction<T, SchemaOutput<Schema>, R>,
  options?: StateOptions & MigrationOptions<SchemaOutput<Schema>>,
): AggregatingStateDescriptor<T, SchemaOutput<Schema>, R>
export function aggregatingState<T, A, R>(
  aggregate: AggregateFunction<T, A, R>,
  options?: StateOptions & MigrationOptions<A>,
): AggregatingStateDescriptor<T, A, R>
export function aggregatingState(
  first: AnySchema | AnyAggregate,
  second?: AnyAggregate | (StateOptions & MigrationOptions<unknown>),
  third?: StateOptions & MigrationOptions<unknown>,
): AggregatingStateDescriptor<unknown, unknown, unknown> {
  const given = isSchema(first) ? first : undefined
  const aggregate = (given === undefined ? first : second) as AnyAggregate
  const options = (given === undefined ? second : third) as (StateOptions & MigrationOptions<unknown>) | undefined
  checkFunction('aggregatingState', 'aggregate.add', aggregate?.add)
  const own = options?.version === undefined && options?.migrate === undefined
  const migrate = own ? aggregate.migrate?.bind(aggregate) : options?.migrate
  const parsed = parseStateOptions('aggregatingState', options, { schema: given ?? aggregate.schema, migrate })
  return { kind: 'aggregating', aggregate, ...parsed, version: own ? (aggregate.version ?? 1) : parsed.version }
}

type AnyAggregate = AggregateFunction<unknown, unknown, unknown>

function schemaAndOptions<Options>(
  first: AnySchema | Options | undefined,
  second: Options | undefined,
): { readonly schema: AnySchema | undefined; readonly options: Options | undefined } {
  return isSchema(first) ? { schema: first, options: second } : { schema: undefined, options: first }
}

interface ParsedOptions {
  readonly version: number
  readonly ttlMs: number | undefined
  readonly ttlRules?: TtlRules
  readonly evolution?: StateEvolution
}

function parseStateOptions(call: string, options: StateOptions | undefined, given: StateEvolution): ParsedOptions {
  const own = call === 'mapState' ? ['migrate', 'migrateKey'] : ['migrate']
  checkOptions(call, options, ['ttl', 'version', ...own])
  const evolution = parseEvolution(call, given)
  return {
    version: checkWholeNumber(call, 'version', options?.version, { min: 1 }) ?? 1,
    ...parseTtl(call, options?.ttl),
    ...(evolution === undefined ? {} : { evolution }),
  }
}

function parseTtl(call: string, ttl: StateOptions['ttl']): Pick<ParsedOptions, 'ttlMs' | 'ttlRules'> {
  if (ttl === undefined) return { ttlMs: undefined }
  if (typeof ttl !== 'object' || ttl === null) return { ttlMs: parseDurationMs(ttl) }
  const what = `${call} ttl`
  checkOptions(what, ttl, ['after', 'update', 'visibility', 'cleanupInBackground'])
  if (ttl.after === undefined) throw invalidOption(what, 'after', ttl.after, 'a duration such as "7 d"')
  const ttlMs = parseDurationMs(ttl.after)
  const update = checkChoice(what, 'update', ttl.update, UPDATES) ?? DEFAULT_RULES.update
  const visibility = checkChoice(what, 'visibility', ttl.visibility, VISIBILITIES) ?? DEFAULT_RULES.visibility
  const cleanupInBackground = ttl.cleanupInBackground ?? DEFAULT_RULES.cleanupInBackground
  if (typeof cleanupInBackground !== 'boolean') {
    throw invalidOption(what, 'cleanupInBackground', cleanupInBackground, 'true or false')
  }
  const ttlRules = { update, visibility, cleanupInBackground }
  return isDefault(ttlRules) ? { ttlMs } : { ttlMs, ttlRules }
}

function isDefault({ update, visibility, cleanupInBackground }: TtlRules): boolean {
  return update === DEFAULT_RULES.update && visibility === DEFAULT_RULES.visibility && cleanupInBackground
}
