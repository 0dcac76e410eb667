/**
 * Takes clock and randomness away while `build()` runs, because coordinator and slots each run it and must get the same
 * graph. It reaches what is global; what a job imports (as `node:crypto`) shows when the graphs' hashes are compared.
 * Everything is put back before `run` returns, whatever happened.
 */
import { MillraceError } from '../error/millrace-error.ts'

type Place = Record<PropertyKey, unknown>

/** Calls `run` with clock and randomness throwing `BUILD_NOT_DETERMINISTIC`. */
export function withoutClockAndRandomness<R>(run: () => R): R {
  const restores: (() => void)[] = []
  try {
    const world = globalThis as unknown as Place
    replace(restores, world, 'Date', guardedDate())
    replaceFunctions(restores, Math, 'Math', ['random'])
    replaceFunctions(restores, world.performance, 'performance', ['now'])
    replaceFunctions(restores, world.crypto, 'crypto', ['randomUUID', 'getRandomValues'])
    const temporal = world.Temporal as Place | undefined
    const temporalNow = temporal?.Now as object | undefined
    replaceFunctions(restores, temporalNow, 'Temporal.Now', Object.getOwnPropertyNames(temporalNow ?? {}))
    return run()
  } finally {
    for (const restore of restores.reverse()) restore()
  }
}

/** `new Date(value)`, `Date.parse` and `Date.UTC` stay; whatever reads the clock throws. */
function guardedDate(): DateConstructor {
  return new Proxy(Date, {
    construct(target, args, newTarget) {
      if (args.length === 0) throw refused('new Date()')
      return Reflect.construct(target, args, newTarget)
    },
    apply() {
      throw refused('Date()')
    },
    get(target, property, receiver) {
      return property === 'now' ? () => throwRefused('Date.now()') : Reflect.get(target, property, receiver)
    },
  })
}

function replaceFunctions(restores: (() => void)[], place: unknown, name: string, functions: readonly string[]): void {
  if (typeof place !== 'object' || place === null) return
  for (const property of functions) {
    if (typeof (place as Place)[property] !== 'function') continue
    replace(restores, place as Place, property, () => throwRefused(`${name}.${property}()`))
  }
}

/** Defines a property of its own, over an inherited one too, and remembers how to undo it. */
function replace(restores: (() => void)[], place: Place, property: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(place, property)
  Object.defineProperty(place, property, { value, configurable: true, enumerable: false, writable: true })
  restores.push(() => {
    if (before === undefined) delete place[property]
    else Object.defineProperty(place, property, before)
  })
}

function throwRefused(call: string): never {
  throw refused(call)
}

function refused(call: string): MillraceError {
  return new MillraceError('BUILD_NOT_DETERMINISTIC', `build() called ${call}`, {
    details: { call },
    hint: 'build() runs in several places and must do the same each time. Take the value as a parameter of the job, or ask for it in a function of a step (ctx.now()).',
  })
}
