/** Declares the states of a keyed process function: `state: { seen: valueState<number>() }`. */
import type { AggregateFunction } from '../aggregate/aggregate-function.ts'
import { checkFunction, checkOptions, checkWholeNumber } from '../option/check-options.ts'
import { parseDurationMs } from '../time/duration.ts'
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  StateOptions,
  ValueStateDescriptor,
} from './state-descriptor.ts'

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

function parseStateOptions(
  call: string,
  options: StateOptions | undefined,
): { readonly version: number; readonly ttlMs: number | undefined } {
  checkOptions(call, options, ['ttl', 'version'])
  return {
    version: checkWholeNumber(call, 'version', options?.version, { min: 1 }) ?? 1,
    ttlMs: options?.ttl === undefined ? undefined : parseDurationMs(options.ttl),
  }
}
