/**
 * What users see of the sources of text files besides the calls. Free of Node's own types, as everything is that the
 * package's declarations lead to: a job compiles without `@types/node`.
 */
import type { MemorySize } from '@millrace/api'

/** What happens to input that is no record. */
export type OnError = 'fail' | 'skip' | 'deadLetter'

/**
 * Where a reader continues: after so many bytes of the file (after gzip, if it is compressed), at that line. To
 * continue inside a gzip file, everything before the position is decompressed again and thrown away.
 */
export type TextPosition = { readonly offset: number; readonly line: number }

export interface TextSourceOptions {
  /** `name`: the files follow each other in time, in the order of their paths. Default: they are read side by side. */
  readonly order?: 'name'
  /**
   * What happens to a line that is malformed, too long or not UTF-8 (of CSV: a record with the lines in its quotes, or
   * its first line where the quotes do not fit), to the rest of a file that is cut off inside gzip, and to a file without
   * content (an empty line of it): `fail` (default) ends the job with an error that names file, line and column; `skip`
   * counts it in `numRecordsSkipped`; `deadLetter` sends it with its position to the side output `deadLetter`. A missing
   * file, a header that does not fit and a file that changed since its position was recorded always fail.
   */
  readonly onError?: OnError
  /** The longest record, without its line break. Default `1 mb`. */
  readonly lineBytesMax?: MemorySize
}
