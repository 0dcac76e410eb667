/** The source of CSV files. */
import { checkOptions, invalidOption, type Source } from '@millrace/api'
import { type Columns, parseColumns, type RecordOf } from '../column/columns.ts'
import { createTextSource, TEXT_SOURCE_OPTIONS } from '../text/text-source.ts'
import type { TextPosition, TextSourceOptions } from '../text/text-source-options.ts'
import { CsvFormat } from './csv-format.ts'

export interface CsvFilesOptions<C extends Columns> extends TextSourceOptions {
  /**
   * The columns that the job needs, with their types; only these are parsed. With `header: true` they are found by
   * name, else by position: the first declared column is the first field, unless `index` says otherwise. Fields after
   * the last declared one are ignored; a line with too few is malformed.
   */
  readonly columns: C
  /** One ASCII character. Default `,`. */
  readonly delimiter?: string
  /** One ASCII character, or `false` when quotes have no meaning. Default `"`. */
  readonly quote?: string | false
  /**
   * `true`: the first line names the fields, and every line has as many; `'skip'`: it is passed over; `false`
   * (default): there is none.
   */
  readonly header?: boolean | 'skip'
}

/**
 * Reads CSV files (RFC 4180, UTF-8). The record type follows from `columns`: `{ user: 'int', at: 'timestamp' }` gives
 * `{ user: number; at: number }`. An empty field is `null` where the column is nullable, the empty text where it is a
 * text that is not, and malformed elsewhere; `""` is the empty text always.
 *
 * `paths`: a file, a folder (all its files) or a pattern such as `data/*.csv`, or several of them. Gzip is recognised
 * by its content. Failures: see `TextSourceOptions`.
 */
export function csvFiles<const C extends Columns>(
  paths: string | readonly string[],
  options: CsvFilesOptions<C>,
): Source<RecordOf<C>, TextPosition> {
  const call = 'csvFiles'
  const knownOptions = [...TEXT_SOURCE_OPTIONS, 'columns', 'delimiter', 'quote', 'header']
  checkOptions(call, options, knownOptions)
  const columns = parseColumns(call, options?.columns)
  const { delimiter = ',', quote = '"', header = false } = options
  checkCharacter(call, 'delimiter', delimiter)
  if (quote !== false) checkCharacter(call, 'quote', quote)
  if (delimiter === quote) throw invalidOption(call, 'quote', quote, 'another character than the delimiter')
  if (header !== true && header !== false && header !== 'skip') {
    throw invalidOption(call, 'header', header, 'true, false or "skip"')
  }
  checkIndexes(call, columns, header === true)
  return createTextSource({
    kind: 'csv-files',
    call,
    paths,
    options,
    knownOptions,
    planOptions: {
      columns: Object.fromEntries(columns.map(({ name, type, nullable }) => [name, nullable ? `${type}?` : type])),
      delimiter,
      quote,
      header,
    },
    createFormat: () => new CsvFormat<RecordOf<C>>({ columns, delimiter, quote, header }),
  })
}

export function checkCharacter(call: string, option: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[\t\x20-\x7e]$/.test(value)) {
    throw invalidOption(call, option, value, 'one ASCII character that is no line break')
  }
}

function checkIndexes(call: string, columns: ReturnType<typeof parseColumns>, byName: boolean): void {
  const taken = new Map<number, string>()
  for (const [order, { name, index }] of columns.entries()) {
    const field = index ?? (byName ? undefined : order)
    if (field === undefined) continue
    const other = taken.get(field)
    if (other !== undefined) {
      throw invalidOption(
        call,
        `columns.${name}`,
        field,
        `another field than that of "${other}" (say each one's index)`,
      )
    }
    taken.set(field, name)
  }
}
