/** The source of plain lines. */
import type { Source } from '@millrace/api'
import { LineFormat } from './line-format.ts'
import { createTextSource, TEXT_SOURCE_OPTIONS } from './text-source.ts'
import type { TextPosition, TextSourceOptions } from './text-source-options.ts'

/**
 * Reads text files line by line; a record is the line without its line break.
 *
 * `paths`: a file, a folder (all its files) or a pattern such as `logs/*.txt`, or several of them. Gzip is recognised
 * by its content. Failures: see `TextSourceOptions`.
 */
export function textFiles(
  paths: string | readonly string[],
  options: TextSourceOptions = {},
): Source<string, TextPosition> {
  return createTextSource({
    kind: 'text-files',
    call: 'textFiles',
    paths,
    options,
    knownOptions: TEXT_SOURCE_OPTIONS,
    planOptions: {},
    createFormat: () => new LineFormat(),
  })
}
