/**
 * What `countDistinct` does with its accumulator, which is a `Set` where an older version stored it: it becomes a
 * `DistinctValues` with the next record.
 */
import { MillraceError } from '../error/millrace-error.ts'
import { DistinctValues } from './distinct-values.ts'
import type { Countable } from './value-selector.ts'

/** What may be stored; nothing here makes a `Set` any more. */
type StoredValues = DistinctValues | Set<Countable>

/** Takes in a value and returns the accumulator. Refuses an object, which equals only itself (`USER_FUNCTION_FAILED`). */
export function addDistinct(stored: StoredValues, value: Countable): DistinctValues {
  if (typeof value === 'object') throw notCountable()
  const values = asDistinctValues(stored)
  values.add(value)
  return values
}

export function distinctResult(stored: StoredValues): number {
  return asDistinctValues(stored).size()
}

/** Leaves `other` as it is. */
export function mergeDistinct(into: StoredValues, other: StoredValues): DistinctValues {
  const values = asDistinctValues(into)
  asDistinctValues(other).forEach((value) => void values.add(value))
  return values
}

/** What one `countDistinct` has stored for itself. Throws `STATE_MISREAD` for what several have stored together. */
export function asDistinctValues(stored: unknown): DistinctValues {
  if (stored instanceof DistinctValues && stored.counts === 1) return stored
  if (!(stored instanceof Set)) throw misfit()
  const values = new DistinctValues()
  for (const value of stored as Set<Countable>) values.add(value)
  return values
}

export function notCountable(): MillraceError {
  return new MillraceError('USER_FUNCTION_FAILED', 'countDistinct was given an object, which equals only itself', {
    hint: 'Give it a string or number that stands for the value, as (row) => row.at.getTime().',
  })
}

function misfit(): MillraceError {
  return new MillraceError('STATE_MISREAD', 'What countDistinct has stored was shared with other parts than now', {
    hint: 'Keep together what counts the same field or function, or give the step another uid to begin anew.',
  })
}
