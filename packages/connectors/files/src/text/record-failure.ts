/** Why the bytes at hand are no record. Thrown by formats, turned into an error or a rejected record by the reader. */
import type { ErrorCode } from '@millrace/api'

export class RecordFailure extends Error {
  override readonly name = 'RecordFailure'
  readonly code: Extract<ErrorCode, 'INPUT_MALFORMED' | 'INPUT_NOT_UTF8'>
  /** Index in the bytes that the format was given. */
  readonly at: number
  /** The column that it happened in, where columns have names. */
  readonly field: string | undefined
  /** Index after the record, where `scan` had found its end. */
  readonly recordEnd: number | undefined

  constructor(
    code: 'INPUT_MALFORMED' | 'INPUT_NOT_UTF8',
    at: number,
    reason: string,
    options: { readonly field?: string; readonly cause?: unknown; readonly recordEnd?: number } = {},
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.at = at
    this.field = options.field
    this.recordEnd = options.recordEnd
  }
}
