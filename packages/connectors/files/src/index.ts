/** File sources and sinks of Millrace; `millrace/files` is this package. */

export type { ColumnOptions, Columns, ColumnType, RecordOf } from './column/columns.ts'
export { type CsvFilesOptions, csvFiles } from './csv/csv-files.ts'
export { type CsvSinkOptions, csvSink } from './csv/csv-sink.ts'
export { type JsonLinesColumnsOptions, type JsonLinesParseOptions, jsonLinesFiles } from './json/json-lines-files.ts'
export { type JsonLinesSinkOptions, jsonLinesSink } from './json/json-lines-sink.ts'
export { type ParquetFilesOptions, parquetFiles } from './parquet/parquet-files.ts'
export type { ParquetPosition } from './parquet/parquet-reader.ts'
export type { FileSink, FileSinkOptions } from './sink/file-sink.ts'
export type { PartCommittable, PartWriterState } from './sink/part-file.ts'
export type { ExistingParts } from './sink/prepare-folder.ts'
export { textFiles } from './text/text-files.ts'
export type { OnError, TextPosition, TextSourceOptions } from './text/text-source-options.ts'
