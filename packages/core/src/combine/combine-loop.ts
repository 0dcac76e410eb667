/**
 * The loop of a combiner, generated for one key selector and one choice of columns. As everywhere, the text holds engine
 * code only; the key function and the aggregates are called by reference, so V8 inlines them and traces show the
 * user's own lines (decision 0034).
 *
 * It leaves at the first record that is not for the slice, or that asks for more than an addition.
 */
import type { AggregateFunction } from '@millrace/api'
import type { CombineKeys } from './combine-keys.ts'
import type { CombineSlice } from './combine-slice.ts'

export interface CombineProgress {
  /** What a failure came of. */
  step: 'key' | 'aggregate'
  /** The record that a failure came of. */
  index: number
  /** Why the loop left before its end. */
  left: 'slice' | 'full' | 'new' | 'changed'
  /** Of `new` and `changed`: the number of the key. */
  number: number
  /** Of `changed`: what the record's accumulators have become, at least one of which does not fit its column. */
  readonly added: unknown[]
}

/** Takes in records `from …` and returns the index of the first one that it did not. */
export type CombineLoop = (
  records: readonly unknown[],
  timestamps: readonly number[],
  from: number,
  to: number,
  slice: CombineSlice,
  keys: CombineKeys,
  progress: CombineProgress,
) => number

export interface CombineLoopShape {
  /** `undefined`: by the function. */
  readonly field: string | undefined
  readonly keyOf: (record: unknown) => unknown
  readonly parts: readonly Pick<AggregateFunction<unknown, NonNullable<unknown> | null, unknown>, 'add'>[]
  /** Which columns are typed. */
  readonly areNumbers: readonly boolean[]
  /** Of the receiving step. */
  readonly uid: string
}

export function generateCombineLoop({ field, keyOf, parts, areNumbers, uid }: CombineLoopShape): CombineLoop {
  const all = (line: (index: number) => string, separator = '\n      ') => parts.map((_, i) => line(i)).join(separator)
  const fits = (i: number) =>
    areNumbers[i]
      ? `typeof v${i} !== 'number'`
      : `v${i} === undefined || typeof v${i} === 'object' && isThenable(v${i})`
  const key = field === undefined ? 'keyOf(record)' : `record[${JSON.stringify(field)}]`
  const code = `'use strict'
const isThenable = (value) => value !== null && typeof value.then === 'function'
return function combine(records, timestamps, from, to, slice, keys, progress) {
  const { start, end, seen, columns } = slice
  ${all((i) => `const c${i} = columns[${i}]`, '\n  ')}
  let { table, shift } = keys
  let mask = table.length - 1
  let isKeyKnown = false
  let i = from
  try {
    for (; i < to; i++) {
      const timestamp = timestamps[i]
      if (!(timestamp >= start && timestamp < end)) {
        progress.left = 'slice'
        return i
      }
      const record = records[i]
      isKeyKnown = false
      const key = ${key}
      let number
      if (typeof key === 'number' && key === (key | 0)) {
        let at = (Math.imul(key, 0x9e3779b1) >>> shift) << 1
        while ((number = table[at + 1] - 1) >= 0 && table[at] !== key) at = (at + 2) & mask
      } else number = -1
      if (number < 0) {
        number = keys.numberOf(key)
        if (number < 0) {
          progress.left = 'full'
          return i
        }
        ;({ table, shift } = keys)
        mask = table.length - 1
      }
      isKeyKnown = true
      if (seen[number] !== 1) {
        progress.left = 'new'
        progress.number = number
        return i
      }
      ${all((i) => `const v${i} = p${i}.add(c${i}[number], record, timestamp)`)}
      if (${all(fits, ' || ')}) {
        ${all((i) => `progress.added[${i}] = v${i}`, '\n        ')}
        progress.left = 'changed'
        progress.number = number
        return i
      }
      ${all((i) => `c${i}[number] = v${i}`)}
    }
  } catch (error) {
    progress.step = isKeyKnown ? 'aggregate' : 'key'
    progress.index = i
    throw error
  }
  return to
}
//# sourceURL=millrace:combine/${encodeURIComponent(uid)}`
  // The text holds the field as a string literal and indexes; the uid is encoded and stands in a comment.
  const make = new Function('keyOf', ...parts.map((_, i) => `p${i}`), code)
  return make(keyOf, ...parts) as CombineLoop
}
