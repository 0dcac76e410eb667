/** The source of JSON lines: one JSON value a line. */
import { checkFunction, checkOptions, invalidOption, type Source } from '@millrace/api'
import { type Columns, parseColumns, type RecordOf } from '../column/columns.ts'
import { createTextSource, TEXT_SOURCE_OPTIONS } from '../text/text-source.ts'
import type { TextPosition, TextSourceOptions } from '../text/text-source-options.ts'
import { JsonLinesFormat } from './json-lines-format.ts'
import { createColumnPicker } from './pick-columns.ts'

export interface JsonLinesColumnsOptions<C extends Columns> extends TextSourceOptions {
  /**
   * The properties that the job needs, with their types; records hold only these. A property that is absent or null
   * must be declared nullable. `bigint` takes a whole number or a text of digits, `timestamp` epoch milliseconds or a
   * text in ISO 8601.
   */
  readonly columns: C
}

export interface JsonLinesParseOptions<T> extends TextSourceOptions {
  /** Makes a record of a parsed value. What it throws counts as malformed input; it must be pure. */
  readonly parse: (value: unknown) => T
}

/**
 * Reads files with one JSON value a line. With `columns` the record type follows from them; with `parse` it is what
 * `parse` returns (a schema's parser fits); with neither, records are what `JSON.parse` gives, of type `unknown`.
 *
 * `paths`: a file, a folder (all its files) or a pattern such as `data/*.jsonl`, or several of them. Gzip is recognised
 * by its content. Failures: see `TextSourceOptions`.
 */
export function jsonLinesFiles<const C extends Columns>(
  paths: string | readonly string[],
  options: JsonLinesColumnsOptions<C>,
): Source<RecordOf<C>, TextPosition>
export function jsonLinesFiles<T>(
  paths: string | readonly string[],
  options: JsonLinesParseOptions<T>,
): Source<T, TextPosition>
export function jsonLinesFiles(
  paths: string | readonly string[],
  options?: TextSourceOptions,
): Source<unknown, TextPosition>
export function jsonLinesFiles(
  paths: string | readonly string[],
  options: TextSourceOptions & { readonly columns?: Columns; readonly parse?: (value: unknown) => unknown } = {},
): Source<unknown, TextPosition> {
  const call = 'jsonLinesFiles'
  const knownOptions = [...TEXT_SOURCE_OPTIONS, 'columns', 'parse']
  checkOptions(call, options, knownOptions)
  const { columns, parse } = options
  if (columns !== undefined && parse !== undefined) {
    throw invalidOption(call, 'parse', parse, 'left out where columns are given')
  }
  if (parse !== undefined) checkFunction(call, 'parse', parse)
  const parsed = columns === undefined ? undefined : parseColumns(call, columns)
  const indexed = parsed?.find(({ index }) => index !== undefined)
  if (indexed !== undefined) throw invalidOption(call, `columns.${indexed.name}.index`, indexed.index, 'left out')
  return createTextSource<unknown>({
    kind: 'json-lines-files',
    call,
    paths,
    options,
    knownOptions,
    planOptions:
      parsed === undefined
        ? {}
        : {
            columns: Object.fromEntries(parsed.map(({ name, type, nullable }) => [name, nullable ? `${type}?` : type])),
          },
    createFormat: () => new JsonLinesFormat<unknown>(parsed === undefined ? parse : createColumnPicker(parsed)),
  })
}
