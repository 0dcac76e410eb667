/**
 * Whether two values have an object in common, so that a change within one would be seen in the other. Looks at a
 * bounded number of parts of each, since it is asked for every record: beyond them it does not know.
 *
 * Strings, numbers and their like are never shared: nobody can change them.
 */

/** `unknown`: not among the parts that were looked at. */
export type Sharing = 'none' | 'some' | 'unknown'

/** Parts of one value that are looked at. */
const PARTS_MAX = 256

/** What `collect` found. One for all: a comparison calls no user code that could begin another. */
const found: object[] = []
let partsLeft = 0

/** Whether an object within `a`, or `a` itself, is also within `b` or is `b`. */
export function compareObjects(a: unknown, b: unknown): Sharing {
  if (!isObject(a) || !isObject(b)) return 'none'
  if (a === b) return 'some'
  found.length = 0
  partsLeft = PARTS_MAX
  collect(a)
  let isComplete = partsLeft >= 0
  partsLeft = PARTS_MAX
  const isShared = holdsFound(b)
  isComplete &&= partsLeft >= 0
  found.length = 0
  return isShared ? 'some' : isComplete ? 'none' : 'unknown'
}

function collect(value: object): void {
  found.push(identityOf(value))
  forParts(value, collectPart)
}

function collectPart(part: unknown): boolean {
  if (isObject(part) && !found.includes(part)) collect(part)
  return false
}

function holdsFound(value: unknown): boolean {
  return isObject(value) && (found.includes(identityOf(value)) || forParts(value, holdsFound))
}

/** Views of the same bytes are as good as the same object. */
function identityOf(value: object): object {
  return ArrayBuffer.isView(value) ? value.buffer : value
}

/** Visits parts until one says true, which is returned, or until enough was looked at. */
function forParts(value: object, visit: (part: unknown) => boolean): boolean {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (--partsLeft < 0) return false
      if (visit(value[i])) return true
    }
  } else if (value instanceof Map) {
    for (const [key, item] of value as Map<unknown, unknown>) {
      if (--partsLeft < 0) return false
      if (visit(key) || visit(item)) return true
    }
  } else if (value instanceof Set) {
    for (const item of value as Set<unknown>) {
      if (--partsLeft < 0) return false
      if (visit(item)) return true
    }
  } else if (!ArrayBuffer.isView(value)) {
    for (const name in value) {
      if (--partsLeft < 0) return false
      if (visit((value as Record<string, unknown>)[name])) return true
    }
  }
  return false
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
