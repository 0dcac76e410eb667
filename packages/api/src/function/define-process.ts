/**
 * Lets the compiler infer the types of a process function that is written apart from its stream. Written inside
 * `.process({ … })` it needs no such call.
 */
import { MillraceError } from '../error/millrace-error.ts'
import { checkFunction, checkOptions, invalidOption } from '../option/check-options.ts'
import type {
  KeyedProcessFunction,
  ProcessFunction,
  SideOutputs,
  StateDeclarations,
  TypeToken,
} from './process-function.ts'

const TOKEN: TypeToken<never> = Object.freeze({})

/** Names a type where a value is expected: `emits: type<Row>()`. Holds nothing at run time. */
export function type<T>(): TypeToken<T> {
  return TOKEN
}

/** A process function over single records. Without `emits` it may emit nothing. */
export function process<In, Out = never, Sides extends SideOutputs = Record<never, never>>(
  fn: ProcessFunction<In, Out, Sides>,
): ProcessFunction<In, Out, Sides> {
  checkProcessFunction('process', fn)
  return fn
}

/**
 * A process function with state and timers per key. Without `emits` it may emit nothing; with `key: type<K>()` its
 * `ctx.key` is a `K`, and only streams with such keys take it; without it is `unknown`.
 */
export function keyedProcess<
  In,
  Out = never,
  States extends StateDeclarations = Record<never, never>,
  Sides extends SideOutputs = Record<never, never>,
  K = unknown,
>(
  fn: KeyedProcessFunction<K, In, Out, States, Sides> & { readonly key?: TypeToken<K> },
): KeyedProcessFunction<K, In, Out, States, Sides> {
  checkKeyedProcessFunction('keyedProcess', fn)
  return fn
}

/** Refuses what plain JavaScript may hand over as a process function. */
export function checkProcessFunction(call: string, fn: object): void {
  if (typeof fn !== 'object' || fn === null) throw invalidOption(call, 'the process function', fn, 'an object')
  for (const part of ['state', 'onTimer', 'key']) {
    if ((fn as Record<string, unknown>)[part] === undefined) continue
    throw new MillraceError('OPTION_UNKNOWN', `${call} has no "${part}" on a stream without keys`, {
      details: { call, option: part },
      hint: 'State and timers belong to a key: call keyBy first.',
    })
  }
  checkParts(call, fn, ['emits', 'sideOutputs', 'onRecord', 'onEnd'])
  const { onRecord, onEnd } = fn as Record<string, unknown>
  checkFunction(call, 'onRecord', onRecord)
  if (onEnd !== undefined) checkFunction(call, 'onEnd', onEnd)
}

/** Refuses what plain JavaScript may hand over as a keyed process function. */
export function checkKeyedProcessFunction(call: string, fn: object): void {
  if (typeof fn !== 'object' || fn === null) throw invalidOption(call, 'the process function', fn, 'an object')
  checkParts(call, fn, ['key', 'state', 'emits', 'sideOutputs', 'onRecord', 'onTimer'])
  const { onRecord, onTimer, state } = fn as Record<string, unknown>
  checkFunction(call, 'onRecord', onRecord)
  if (onTimer !== undefined) checkFunction(call, 'onTimer', onTimer)
  if (state === undefined) return
  if (typeof state !== 'object' || state === null) throw invalidOption(call, 'state', state, 'an object of states')
  for (const [name, descriptor] of Object.entries(state)) {
    const kind: unknown = (descriptor as { readonly kind?: unknown } | null)?.kind
    if (typeof kind !== 'string') {
      throw invalidOption(call, `state.${name}`, descriptor, 'made by valueState, listState, mapState or the like')
    }
  }
}

/** A misspelled part would never be called. Instances of classes may have fields of their own, plain objects not. */
function checkParts(call: string, fn: object, known: readonly string[]): void {
  const prototype: object | null = Object.getPrototypeOf(fn)
  if (prototype === Object.prototype || prototype === null) checkOptions(call, fn, known)
  const { emits, sideOutputs } = fn as Record<string, unknown>
  for (const [name, value] of [
    ['emits', emits],
    ['sideOutputs', sideOutputs],
  ] as const) {
    if (value === undefined || (typeof value === 'object' && value !== null)) continue
    throw invalidOption(call, name, value, name === 'emits' ? 'type<…>()' : 'an object of type<…>()')
  }
}
