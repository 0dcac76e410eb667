/** The sink of JSON lines. */
import { createFileSink, FILE_SINK_OPTIONS, type FileSink, type FileSinkOptions } from '../sink/file-sink.ts'
import { JsonLinesEncoder } from './json-lines-encoder.ts'

export interface JsonLinesSinkOptions extends FileSinkOptions {}

/**
 * Writes records as JSON, one a line, into part files in a folder, exactly once through failures and restores. A bigint
 * becomes a text of digits, a date one in ISO 8601; what JSON cannot hold (`NaN`, infinities, functions, maps, sets)
 * fails with `VALUE_NOT_ENCODABLE` instead of becoming null.
 */
// biome-ignore lint/suspicious/noExplicitAny: a sink of any record type
export function jsonLinesSink<T = any>(folder: string, options: JsonLinesSinkOptions = {}): FileSink<T> {
  return createFileSink<T>({
    kind: 'json-lines-sink',
    call: 'jsonLinesSink',
    folder,
    options,
    knownOptions: FILE_SINK_OPTIONS,
    suffixDefault: '.jsonl',
    planOptions: {},
    createEncoder: () => new JsonLinesEncoder(),
  })
}
