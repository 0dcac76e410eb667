/** Declares the states of a keyed process function: `state: { seen: valueState<number>() }`. */
import type { AggregateFunction } from '../aggregate/aggregate-function.ts'
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

const UPDATES: readonly TtlUpdate[] = ['onCreateAndWrite', 'onReadAndWrite']
const VISIBILITIES: readonly TtlVisibility[] = ['neverReturnExpired', 'returnExpiredIfNotCleanedUp']
/** As in Flink. */
const DEFAULT_RULES: TtlRules = {
  update: 'onCreateAndWrite',
  visibility: 'neverReturnExpired',
  cleanupInBackground: true,
}

/** One value per key. */
export function valueState<V>(options?: StateOptions): ValueStateDescriptor<V> {
  return { kind: 'value', ...parseStateOptions('valueState', options) }
}

/** A list per key, in the order in which values were added. */
export function listState<V>(options?: StateOptions): ListStateDescriptor<V> {
  return { kind: 'list', ...parseStateOptions('listState', options) }
}

/** A map per key whose entries are stored and expire one by one; larger than memory when the backend is. */
export function mapState<K, V>(options?: StateOptions): MapStateDescriptor<K, V> {
  return { kind: 'map', ...parseStateOptions('mapState', options) }
}

/** One value per key into which every added value is folded. */
export function reducingState<V>(reduce: (a: V, b: V) => V, options?: StateOptions): ReducingStateDescriptor<V> {
  checkFunction('reducingState', 'reduce', reduce)
  return { kind: 'reducing', reduce, ...parseStateOptions('reducingState', options) }
}

/** One accumulator per key into which every added value goes; reading gives the aggregate's result. */
export function aggregatingState<T, A, R>(
  aggregate: AggregateFunction<T, A, R>,
  options?: StateOptions,
): AggregatingStateDescriptor<T, A, R> {
  checkFunction('aggregatingState', 'aggregate.add', aggregate?.add)
  return { kind: 'aggregating', aggregate, ...parseStateOptions('aggregatingState', options) }
}

interface ParsedOptions {
  readonly version: number
  readonly ttlMs: number | undefined
  readonly ttlRules?: TtlRules
}

function parseStateOptions(call: string, options: StateOptions | undefined): ParsedOptions {
  checkOptions(call, options, ['ttl', 'version'])
  return {
    version: checkWholeNumber(call, 'version', options?.version, { min: 1 }) ?? 1,
    ...parseTtl(call, options?.ttl),
  }
}

function parseTtl(call: string, ttl: StateOptions['ttl']): Omit<ParsedOptions, 'version'> {
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
