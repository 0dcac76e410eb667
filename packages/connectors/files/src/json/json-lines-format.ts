/** Finds JSON lines and parses them. */

import { RecordFailure } from '../text/record-failure.ts'
import { contentEnd, lineEnd, type TextFormat } from '../text/text-format.ts'
import { findJsonError } from './find-json-error.ts'
import { findJsonValue } from './find-json-value.ts'
import { ColumnMismatch } from './pick-columns.ts'

export class JsonLinesFormat<T> implements TextFormat<T> {
  readonly recordLines = 1
  readonly #convert: ((value: unknown) => T) | undefined
  #from = 0
  #end = 0

  constructor(convert: ((value: unknown) => T) | undefined) {
    this.#convert = convert
  }

  scan(bytes: Buffer, from: number, to: number, isLast: boolean): number {
    const end = lineEnd(bytes, from, to)
    if (end === to && !isLast) return -1
    this.#from = from
    this.#end = contentEnd(bytes, from, end)
    return end < to ? end + 1 : to
  }

  build(bytes: Buffer, isAscii: boolean): T {
    const from = this.#from
    const text = isAscii ? bytes.toString('latin1', from, this.#end) : bytes.toString('utf8', from, this.#end)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw this.#syntaxFailure(text, cause)
    }
    if (this.#convert === undefined) return value as T
    try {
      return this.#convert(value)
    } catch (cause) {
      const field = cause instanceof ColumnMismatch ? cause.column : undefined
      const reason = cause instanceof Error ? cause.message : String(cause)
      // What is missing has no place of its own: the record's start stands for it, and the message has its name.
      const at = field === undefined ? undefined : findJsonValue(text, field)
      const offset = at === undefined ? 0 : Buffer.byteLength(text.slice(0, at))
      throw new RecordFailure('INPUT_MALFORMED', from + offset, reason, {
        ...(field === undefined ? {} : { field }),
        cause,
      })
    }
  }

  #syntaxFailure(text: string, cause: unknown): RecordFailure {
    if (text.trim() === '') return new RecordFailure('INPUT_MALFORMED', this.#from, 'the line is blank')
    const at = this.#from + Buffer.byteLength(text.slice(0, findJsonError(text)))
    return new RecordFailure('INPUT_MALFORMED', at, 'the line is not JSON', { cause })
  }
}
