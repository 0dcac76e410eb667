/**
 * What a stored value looks like, in a few words: the names of its fields, never their contents. For errors of code that
 * has met a value of another form than it expects.
 */
import type { HeldState } from './user-failure.ts'

const NAMES_MAX = 8
const ITEMS_MAX = 4

/** Lists in lists, as accumulators are, are looked into; fields of fields are left out. */
const DEPTH_MAX = 2

/** As `{ page, at }`, `[number, { sum }]`, `number`, `Map`. */
export function describeForm(value: unknown): string {
  return describe(value, DEPTH_MAX)
}

/** A state of the engine's own, if it holds something of the current key. */
export function heldStates(name: string, read: () => unknown): readonly HeldState[] {
  let value: unknown
  try {
    value = read()
  } catch {
    // The error on the way is told, not that no key was chosen before it.
    return []
  }
  return value === undefined ? [] : [{ name, form: describeForm(value) }]
}

function describe(value: unknown, depth: number): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  if (Array.isArray(value)) {
    if (depth < 0) return 'array'
    return `[${listed(
      value.slice(0, ITEMS_MAX).map((item) => describe(item, depth - 1)),
      value.length,
      ITEMS_MAX,
    )}]`
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value.constructor.name
  if (depth < 0) return 'object'
  const names = Object.keys(value)
  return names.length === 0 ? '{}' : `{ ${listed(names.slice(0, NAMES_MAX), names.length, NAMES_MAX)} }`
}

function listed(shown: readonly string[], count: number, max: number): string {
  return `${shown.join(', ')}${count > max ? ', …' : ''}`
}
