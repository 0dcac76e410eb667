/**
 * Key selectors made runnable: from a record to its key, and from a batch to the key groups of its records. Code is
 * generated per selector, so that reading the field stays a single property access; it names the field only as a
 * string literal.
 */
import { type KeySelector, MillraceError } from '@millrace/api'
import type { RecordBatch } from '../batch/record-batch.ts'
import { hashKey } from './key-hash.ts'

export interface CompiledKeySelector {
  /**
   * The key of a record, whatever it is: `hashKey` and `toMapKey` refuse what is no key. Throws `KEY_INVALID` when the
   * record has no fields at all; errors of a user's function come through as they are.
   */
  readonly keyOf: (record: unknown) => unknown
  /** `undefined` for a function. */
  readonly field: string | undefined
  /** Like `computeKeyGroups`. */
  readonly fillKeyGroups: (records: readonly unknown[], maxParallelism: number, into: number[]) => void
}

export function compileKeySelector(selector: KeySelector): CompiledKeySelector {
  const field = selector.kind === 'field' ? selector.field : undefined
  const keyOf = selector.kind === 'field' ? compileFieldAccess(selector.field) : selector.select
  const loop = compileLoop(field)
  return {
    field,
    keyOf,
    fillKeyGroups(records, maxParallelism, into) {
      const start = into.length
      try {
        loop(records, maxParallelism, into, hashKey, keyOf)
      } catch (error) {
        const index = into.length - start
        into.length = start
        throw field === undefined ? error : explain(error, field, records[index])
      }
    },
  }
}

/** Appends the key group of each record to `into`. Throws `KEY_INVALID`; then nothing was appended. */
export function computeKeyGroups(
  batch: RecordBatch,
  selector: CompiledKeySelector,
  maxParallelism: number,
  into: number[],
): void {
  selector.fillKeyGroups(batch.records, maxParallelism, into)
}

function compileFieldAccess(field: string): (record: unknown) => unknown {
  const read = new Function('record', `return record[${JSON.stringify(field)}]\n//# sourceURL=millrace-key-field`) as (
    record: unknown,
  ) => unknown
  return (record) => {
    if (record === null || record === undefined) refuseRecord(field, record)
    return read(record)
  }
}

type KeyGroupLoop = (
  records: readonly unknown[],
  maxParallelism: number,
  into: number[],
  hash: (key: unknown) => number,
  keyOf: (record: unknown) => unknown,
) => void

function compileLoop(field: string | undefined): KeyGroupLoop {
  const key = field === undefined ? 'keyOf(records[i])' : `records[i][${JSON.stringify(field)}]`
  return new Function(
    'records',
    'maxParallelism',
    'into',
    'hash',
    'keyOf',
    `for (let i = 0; i < records.length; i++) into.push((hash(${key}) >>> 0) % maxParallelism)
//# sourceURL=millrace-key-groups`,
  ) as KeyGroupLoop
}

/** Names the field in an error of the loop. */
function explain(error: unknown, field: string, record: unknown): unknown {
  if (record === null || record === undefined) return recordRefusal(field, record)
  if (!(error instanceof MillraceError) || error.code !== 'KEY_INVALID') return error
  return new MillraceError('KEY_INVALID', error.message.replace('The key', `The key (field '${field}')`), {
    details: { ...error.details, field },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

function refuseRecord(field: string, record: null | undefined): never {
  throw recordRefusal(field, record)
}

function recordRefusal(field: string, record: null | undefined): MillraceError {
  return new MillraceError('KEY_INVALID', `A record is ${record}, so it has no field '${field}' to be its key.`, {
    details: { field },
  })
}
