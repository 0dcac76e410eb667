/** The source of Parquet files. */
import { checkChoice, checkOptions, invalidOption, type Source, type SourceSplit } from '@millrace/api'
import { type Columns, parseColumns, type RecordOf } from '../column/columns.ts'
import { checkPaths, listInputFiles } from '../input/input-files.ts'
import { openInput } from '../input/open-input.ts'
import { type ParquetPosition, ParquetReader } from './parquet-reader.ts'

export interface ParquetFilesOptions<C extends Columns> {
  /**
   * The columns that the job needs, by name, with the types that records shall have; only these are read. Fits:
   * `int` – whole numbers of up to 64 bits, refused with the column's name where a value is beyond ±2⁵³;
   * `bigint` – the same, exact at any size; `float` – floating point, decimals and whole numbers of up to 32 bits;
   * `timestamp` – timestamps of any unit and dates, as epoch milliseconds; `string`, `boolean`. A column that holds
   * nulls must be declared nullable. Nested columns are refused.
   */
  readonly columns: C
  /** `name`: the files follow each other in time, in the order of their paths. Default: they are read side by side. */
  readonly order?: 'name'
}

/**
 * Reads Parquet files row group by row group. Memory: the decoded values of two row ranges of at most two million
 * values each. Fails with `INPUT_MALFORMED` (no Parquet file, column missing or of another type, null where none is
 * declared), `INPUT_TRUNCATED`, `INPUT_NOT_UTF8`.
 *
 * `paths`: a file, a folder (all its files) or a pattern such as `data/*.parquet`, or several of them.
 */
export function parquetFiles<const C extends Columns>(
  paths: string | readonly string[],
  options: ParquetFilesOptions<C>,
): Source<RecordOf<C>, ParquetPosition> {
  const call = 'parquetFiles'
  checkOptions(call, options, ['columns', 'order'])
  const checkedPaths = checkPaths(call, paths)
  const columns = parseColumns(call, options?.columns)
  const indexed = columns.find(({ index }) => index !== undefined)
  if (indexed !== undefined) throw invalidOption(call, `columns.${indexed.name}.index`, indexed.index, 'left out')
  const order = checkChoice(call, 'order', options.order, ['name'])
  return {
    kind: 'parquet-files',
    options: {
      paths: checkedPaths,
      columns: Object.fromEntries(columns.map(({ name, type, nullable }) => [name, nullable ? `${type}?` : type])),
      ...(order === undefined ? {} : { order }),
    },
    boundedness: 'bounded',
    replayable: true,
    splitOrder: order === 'name' ? 'sequential' : 'interleaved',
    enumerate: ({ files }) => listInputFiles(files, call, checkedPaths, order),
    async open(split: SourceSplit, position: ParquetPosition | undefined, { files }) {
      const file = await openInput(files, split.payload as string)
      try {
        return await ParquetReader.open<RecordOf<C>>(file, columns, position ?? undefined)
      } catch (error) {
        await file.close()
        throw error
      }
    },
  }
}
