/** The sink of CSV files. */
import { checkOptions, invalidOption } from '@millrace/api'
import { createFileSink, FILE_SINK_OPTIONS, type FileSink, type FileSinkOptions } from '../sink/file-sink.ts'
import { CsvEncoder } from './csv-encoder.ts'
import { checkCharacter } from './csv-files.ts'

export interface CsvSinkOptions extends FileSinkOptions {
  /**
   * The properties to write, in order; others are left out, absent ones are empty fields. Default: those of the first
   * record, in its order; every record must then have exactly these. Parts whose writers met records of another order
   * of properties are refused at the commit, before they are visible.
   */
  readonly columns?: readonly string[]
  /** Whether every part file begins with a line of column names. Default false. */
  readonly header?: boolean
  /** One ASCII character. Default `,`. */
  readonly delimiter?: string
}

/**
 * Writes records as CSV (RFC 4180, UTF-8) into part files in a folder, exactly once through failures and restores.
 * Null and undefined are empty fields and the empty text is `""`; dates are in ISO 8601, `NaN` is `NaN`; a nested value
 * fails with `VALUE_NOT_ENCODABLE`.
 */
// biome-ignore lint/suspicious/noExplicitAny: a sink of any object type; `object` alone would refuse none but fit no stream
export function csvSink<T extends object = any>(folder: string, options: CsvSinkOptions = {}): FileSink<T> {
  const call = 'csvSink'
  const knownOptions = [...FILE_SINK_OPTIONS, 'columns', 'header', 'delimiter']
  checkOptions(call, options, knownOptions)
  const { columns, header = false, delimiter = ',' } = options
  if (columns !== undefined) checkColumnNames(call, columns)
  if (typeof header !== 'boolean') throw invalidOption(call, 'header', header, 'true or false')
  checkCharacter(call, 'delimiter', delimiter)
  if (delimiter === '"') throw invalidOption(call, 'delimiter', delimiter, 'another character than the quote')
  return createFileSink<T>({
    kind: 'csv-sink',
    call,
    folder,
    options,
    knownOptions,
    suffixDefault: '.csv',
    planOptions: { ...(columns === undefined ? {} : { columns }), header, delimiter },
    createEncoder: (restoredColumns) => new CsvEncoder({ columns, delimiter, header }, restoredColumns),
  })
}

function checkColumnNames(call: string, columns: unknown): void {
  const isValid =
    Array.isArray(columns) &&
    columns.length > 0 &&
    columns.every((name) => typeof name === 'string') &&
    new Set(columns).size === columns.length
  if (!isValid) throw invalidOption(call, 'columns', columns, 'an array of different property names')
}
