/**
 * From declared states to the handles that user code works with, over tables of the backend. Reducing and aggregating
 * states are value tables that hold the reduced value or the accumulator.
 *
 * Values are checked when they are set, so that what cannot be stored is refused by the call that brings it, not by a
 * later checkpoint. In development mode, what is set or handed out is frozen; accumulators are not, since aggregates
 * change them in place.
 */
import {
  type AggregatingState,
  type ListState,
  type MapState,
  MillraceError,
  type ReducingState,
  type StateDeclarations,
  type StateDescriptor,
  type ValueState,
} from '@millrace/api'
import { addTo, reduceTo } from '../aggregate/fold-value.ts'
import { withoutParts } from '../aggregate/own-result.ts'
import { assertEncodable } from '../codec/encodable.ts'
import type { OperatorHost } from '../operator/operator.ts'
import { stateTable } from './declared-tables.ts'
import { deepFreeze } from './deep-freeze.ts'

type Handle =
  | ValueState<unknown>
  | ListState<unknown>
  | MapState<unknown, unknown>
  | ReducingState<unknown>
  | AggregatingState<unknown, unknown>

/** The handles by name; `timestamp` is that of the current call. Throws `STATE_MISREAD` when a restored state was stored in another form. */
export function createStateHandles(
  host: OperatorHost,
  declarations: StateDeclarations | undefined,
  timestamp: () => number,
): Readonly<Record<string, Handle>> {
  const handles: Record<string, Handle> = {}
  for (const [name, descriptor] of Object.entries(declarations ?? {})) {
    if (name.startsWith('_')) {
      throw new MillraceError(
        'OPTION_INVALID',
        `A state cannot have the name "${name}": names beginning with _ are the engine's.`,
        {
          details: { operator: host.name, state: name },
        },
      )
    }
    handles[name] = createHandle(host, name, descriptor, timestamp)
  }
  return Object.freeze(handles)
}

function createHandle(host: OperatorHost, name: string, descriptor: StateDescriptor, timestamp: () => number): Handle {
  const admit = admission(name, host.developmentMode)
  const show = host.developmentMode ? deepFreeze : <T>(value: T): T => value
  switch (descriptor.kind) {
    case 'value': {
      const table = host.state.valueTable<unknown>(stateTable(host.uid, name, descriptor))
      return {
        get: () => show(table.get()),
        set: (value) => (value === undefined ? table.remove() : table.put(admit(value))),
        clear: () => table.remove(),
      } satisfies ValueState<unknown>
    }
    case 'list': {
      const table = host.state.listTable<unknown>(stateTable(host.uid, name, descriptor))
      return {
        get: () => show(table.get()),
        add: (value) => table.append(admit(value)),
        set(values) {
          for (const value of values) admit(value)
          table.replace(values)
        },
        clear: () => table.remove(),
      } satisfies ListState<unknown>
    }
    case 'map':
      return createMapState(host, name, descriptor)
    case 'reducing': {
      const table = host.state.valueTable<unknown>(stateTable(host.uid, name, descriptor))
      return {
        get: () => show(table.get()),
        add(value) {
          const earlier = table.get()
          const isFirst = earlier === undefined
          table.put(
            admit(isFirst ? value : reduceTo(descriptor.reduce, show(earlier), value, `reduce of state ${name}`)),
          )
        },
        clear: () => table.remove(),
      } satisfies ReducingState<unknown>
    }
    case 'aggregating': {
      const { aggregate } = descriptor
      const table = host.state.valueTable<unknown>(stateTable(host.uid, name, descriptor))
      return {
        get() {
          const accumulator = table.get()
          return accumulator === undefined ? undefined : withoutParts(aggregate.result(accumulator), accumulator)
        },
        add(value) {
          const stored = table.get()
          const accumulator = addTo(aggregate, stored === undefined ? aggregate.create() : stored, value, timestamp())
          if (accumulator === undefined) table.remove()
          else table.put(accumulator)
        },
        clear: () => table.remove(),
      } satisfies AggregatingState<unknown, unknown>
    }
  }
}

function createMapState(host: OperatorHost, name: string, descriptor: StateDescriptor): MapState<unknown, unknown> {
  const table = host.state.mapTable<unknown, unknown>(stateTable(host.uid, name, descriptor))
  const admit = admission(name, host.developmentMode)
  const show = host.developmentMode ? deepFreeze : <T>(value: T): T => value
  return {
    get: (key) => show(table.get(key)),
    has: (key) => table.has(key),
    set: (key, value) => table.put(key, admit(value)),
    delete: (key) => table.delete(key),
    *entries() {
      for (const [key, value] of table.entries()) yield [key, show(value)] as [unknown, unknown]
    },
    *keys() {
      for (const [key] of table.entries()) yield key
    },
    *values() {
      for (const [, value] of table.entries()) yield show(value)
    },
    isEmpty: () => table.isEmpty,
    clear: () => table.remove(),
  }
}

/** Checks a value that is to be stored, and returns it. */
function admission(name: string, developmentMode: boolean): <T>(value: T) => T {
  const what = `state ${name}`
  return (value) => {
    if (typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol') {
      assertEncodable(value, what)
      if (developmentMode) deepFreeze(value)
    }
    return value
  }
}
