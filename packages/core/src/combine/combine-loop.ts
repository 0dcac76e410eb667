/**
 * The code that takes a record into a combiner, generated for one key selector and one choice of columns: the end of the
 * loop over a batch, and of any other generated loop that has a record and its timestamp, so that one that is only
 * counted is never put into a batch (decision 0047). As everywhere, the text holds engine code only; the key function and
 * the aggregates are called by reference, so V8 inlines them and traces show the user's own lines.
 *
 * What is rare is a call of the combiner, after which the loop looks at slice and columns anew. V8 leaves out a record
 * that is given to nobody: where it would go in rare cases (singly, into an error) is code that has not run as long as
 * nothing is late, and does not count. For that an error's record stands in the handler of the same turn of the loop.
 */
import type { AggregateFunction } from '@millrace/api'
import type { Accumulator } from '../window/window-contents.ts'
import type { CombineKeys } from './combine-keys.ts'
import type { CombineSlice } from './combine-slice.ts'

export type CombinePart = Pick<AggregateFunction<unknown, Accumulator, unknown>, 'add'>

/** What generated code ends in. `combined`: how many records it has taken in since the last time it said so. */
export interface Combining {
  readonly form: CombineForm
  /** The slice of the last record; one that holds no timestamp when there is none. */
  readonly slice: CombineSlice
  readonly keys: CombineKeys
  readonly keyOf: (record: unknown) => unknown
  readonly parts: readonly CombinePart[]
  /** Makes the slice of a timestamp the current one; false for a record that has to travel singly. */
  turnTo(timestamp: number, combined: number): boolean
  /** No more keys can be numbered: hands out all, and turns to the slice of the timestamp again. */
  makeRoom(timestamp: number, combined: number): boolean
  /** The first record of a key in the slice. */
  begin(number: number): void
  /** Takes accumulators of which one is not what its column holds, or is none. */
  store(number: number, accumulators: readonly unknown[]): void
  single(record: unknown, timestamp: number): void
  /** The loop is at its end. */
  finish(combined: number): void
  /** What to throw for what selecting a key, or adding a record, threw. */
  keyFailure(cause: unknown, record: unknown): unknown
  aggregateFailure(cause: unknown): unknown
}

/** What the code is generated for; another object when it has changed. */
export interface CombineForm {
  /** `undefined`: by the function. */
  readonly field: string | undefined
  /** Which columns are typed. */
  readonly areNumbers: readonly boolean[]
}

export interface CombineCode {
  /** Before the loop. Needs the variable `combining`. */
  readonly start: string
  /** Takes in `record` with `timestamp`, or goes on with the next one. */
  readonly take: string
  /** Behind the loop. */
  readonly end: string
}

/** A whole number is looked up as `CombineKeys` does it. */
export function combineCode({ field, areNumbers }: CombineForm): CombineCode {
  const all = (line: (index: number) => string, separator = '; ') => areNumbers.map((_, i) => line(i)).join(separator)
  const misfits = all(
    (i) =>
      areNumbers[i]
        ? `typeof v${i} !== 'number'`
        : `v${i} === undefined || typeof v${i} === 'object' && v${i} !== null && typeof v${i}.then === 'function'`,
    ' || ',
  )
  const key = field === undefined ? 'keyOf(record)' : `record[${JSON.stringify(field)}]`
  const lookAnew = `;({ start, end, seen, columns } = combining.slice); ${all((i) => `c${i} = columns[${i}]`)}`
  return {
    start: `const { keys: numbered, keyOf, parts: [${all((i) => `p${i}`, ', ')}] } = combining
  let { start, end, seen, columns } = combining.slice
  let ${all((i) => `c${i} = columns[${i}]`, ', ')}
  let { table, shift } = numbered, mask = table.length - 1
  let last, lastNumber = -1
  let combined = 0`,
    take: `if (!(timestamp >= start && timestamp < end)) {
        const isOpen = combining.turnTo(timestamp, combined)
        combined = 0
        ${lookAnew}
        if (!isOpen) { combining.single(record, timestamp); continue }
      }
      let key, number = -1
      try {
        key = ${key}
        if (typeof key === 'number') {
          if (key === (key | 0)) {
            let at = (Math.imul(key, 0x9e3779b1) >>> shift) << 1
            while ((number = table[at + 1] - 1) >= 0 && table[at] !== key) at = (at + 2) & mask
          } else if (key === last) number = lastNumber
        }
        if (number < 0) {
          number = numbered.numberOf(key)
          ;({ table, shift } = numbered)
          mask = table.length - 1
          last = key
          lastNumber = number
        }
      } catch (error) {
        throw combining.keyFailure(error, record)
      }
      if (number < 0) {
        const isOpen = combining.makeRoom(timestamp, combined)
        combined = 0
        ${lookAnew}
        if (!isOpen) { combining.single(record, timestamp); continue }
        number = numbered.numberOf(key)
      }
      try {
        if (seen[number] !== 1) {
          combining.begin(number)
          ${lookAnew}
        }
        ${all((i) => `const v${i} = p${i}.add(c${i}[number], record, timestamp)`)}
        if (${misfits}) {
          combining.store(number, [${all((i) => `v${i}`, ', ')}])
          ${lookAnew}
        } else {
          ${all((i) => `c${i}[number] = v${i}`)}
        }
      } catch (error) {
        throw combining.aggregateFailure(error)
      }
      combined++`,
    end: 'combining.finish(combined)',
  }
}

/** Takes in all records of a batch. */
export type CombineLoop = (records: readonly unknown[], timestamps: readonly number[], combining: Combining) => void

/** `uid`: of the receiving step. */
export function generateCombineLoop(form: CombineForm, uid: string): CombineLoop {
  const code = combineCode(form)
  const text = `'use strict'
return function combine(records, timestamps, combining) {
  ${code.start}
  for (let i = 0; i < records.length; i++) {
    const record = records[i], timestamp = timestamps[i]
      ${code.take}
  }
  ${code.end}
}
//# sourceURL=millrace:combine/${encodeURIComponent(uid)}`
  // The text holds the field as a string literal and indexes; the uid is encoded and stands in a comment.
  return new Function(text)() as CombineLoop
}
