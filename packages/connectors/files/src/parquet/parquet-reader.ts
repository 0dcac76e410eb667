/**
 * Reads the rows of one Parquet file in ranges: the wanted columns of a range are decoded one after the other (each
 * waits for its bytes, so other tasks get their turns in between), then records are built from them. The next range is
 * read while the records of this one are handed out. A range is a row group where that is small enough: hyparquet
 * decodes whole pages, and a range that cuts a page decodes it twice.
 */
import { MillraceError, type ReadableFile, type SourceBatch, type SplitReader } from '@millrace/api'
import type { DecodedArray, FileMetaData } from 'hyparquet'
import { parquetMetadataAsync } from 'hyparquet'
import type { Column } from '../column/columns.ts'
import { compileRecordBuilder } from '../column/record-builder.ts'
import { readFully } from '../input/open-input.ts'
import { malformed, openParquetColumn, type ParquetColumn } from './parquet-column.ts'

/** The number of rows that have been read. */
export type ParquetPosition = { readonly row: number }

interface RowRange {
  readonly from: number
  readonly to: number
}

interface DecodedRange extends RowRange {
  readonly columns: readonly DecodedArray[]
}

type Loaded = { readonly range: DecodedRange } | { readonly failure: unknown }

const VALUES_MAX = 2_000_000
const ROWS_MIN = 16_384
const MAGIC = 'PAR1'
const EMPTY: DecodedRange = { from: 0, to: 0, columns: [] }

export class ParquetReader<T> implements SplitReader<T, ParquetPosition> {
  readonly #file: ReadableFile
  readonly #sizeBytes: number
  readonly #rows: number
  readonly #columns: readonly ParquetColumn[]
  readonly #build: (columns: readonly DecodedArray[], index: number) => T
  readonly #ranges: Iterator<RowRange, undefined>
  #row: number
  #range: DecodedRange = EMPTY
  #loading: Promise<void> | undefined
  #loaded: Loaded | undefined

  private constructor(
    file: ReadableFile,
    sizeBytes: number,
    metadata: FileMetaData,
    columns: readonly ParquetColumn[],
    row: number,
  ) {
    this.#file = file
    this.#sizeBytes = sizeBytes
    this.#rows = Number(metadata.num_rows)
    this.#columns = columns
    this.#row = row
    const groupRows = metadata.row_groups.map(({ num_rows }) => Number(num_rows))
    this.#ranges = rangesFrom(groupRows, row, Math.max(ROWS_MIN, Math.floor(VALUES_MAX / columns.length)))
    const fields = columns.map(({ name }, i) => ({ name, expression: `columns[${i}][index]` }))
    this.#build = compileRecordBuilder(fields, ['columns', 'index'], {})
  }

  /** Throws `INPUT_MALFORMED`, `INPUT_TRUNCATED`, and `INPUT_CHANGED` when the position is beyond the file's rows. */
  static async open<T>(
    file: ReadableFile,
    columns: readonly Column[],
    position: ParquetPosition | undefined,
  ): Promise<ParquetReader<T>> {
    const sizeBytes = await file.sizeBytes()
    const buffer = {
      byteLength: sizeBytes,
      slice: (start: number, end?: number) => readSlice(file, start, end ?? sizeBytes),
    }
    await checkMagic(file, sizeBytes)
    const metadata = await readMetadata(file, () => parquetMetadataAsync(buffer))
    const row = position?.row ?? 0
    if (row > Number(metadata.num_rows)) {
      throw new MillraceError('INPUT_CHANGED', `"${file.path}" has fewer rows than when row ${row} was recorded`, {
        details: { file: file.path, row, rows: Number(metadata.num_rows) },
        hint: 'Restore with the input as it was, or start fresh.',
      })
    }
    const opened: ParquetColumn[] = []
    for (const column of columns) opened.push(await openParquetColumn(file.path, buffer, metadata, column))
    return new ParquetReader<T>(file, sizeBytes, metadata, opened, row)
  }

  next(recordsMax: number): SourceBatch<T> | Promise<SourceBatch<T>> {
    if (this.#row >= this.#range.to) {
      if (this.#row >= this.#rows) return { records: [], end: true }
      if (!this.#takeLoaded()) return this.#waitForBatch(recordsMax)
    }
    return this.#readBatch(recordsMax)
  }

  position(): ParquetPosition {
    return { row: this.#row }
  }

  progress(): number {
    return this.#rows === 0 ? this.#sizeBytes : Math.floor((this.#row / this.#rows) * this.#sizeBytes)
  }

  async close(): Promise<void> {
    await this.#loading
    await this.#file.close()
  }

  async #waitForBatch(recordsMax: number): Promise<SourceBatch<T>> {
    await this.#load()
    this.#takeLoaded()
    return this.#readBatch(recordsMax)
  }

  #readBatch(recordsMax: number): SourceBatch<T> {
    const { from, to, columns } = this.#range
    const build = this.#build
    const end = Math.min(to, this.#row + recordsMax)
    const records: T[] = []
    for (let index = this.#row - from; index < end - from; index++) records.push(build(columns, index))
    this.#row = end
    return { records, end: end >= this.#rows }
  }

  #load(): Promise<void> {
    this.#loading ??= this.#decodeNextRange().then(
      (range) => {
        this.#loaded = { range }
      },
      (failure: unknown) => {
        this.#loaded = { failure }
      },
    )
    return this.#loading
  }

  #takeLoaded(): boolean {
    const loaded = this.#loaded
    if (loaded === undefined) return false
    if ('failure' in loaded) throw loaded.failure
    this.#loaded = undefined
    this.#loading = undefined
    this.#range = loaded.range
    if (loaded.range.to < this.#rows) void this.#load()
    return true
  }

  async #decodeNextRange(): Promise<DecodedRange> {
    const next = this.#ranges.next()
    if (next.done === true) throw malformed(this.#file.path, 'its row groups hold fewer rows than its footer says')
    const { from, to } = next.value
    const columns: DecodedArray[] = []
    for (const column of this.#columns) columns.push(await column.read(from, to))
    return { from, to, columns }
  }
}

/** Ranges from a row on that stay within a row group and have at most `rowsMax` rows. */
function* rangesFrom(groupRows: readonly number[], row: number, rowsMax: number): Generator<RowRange, undefined> {
  let groupFrom = 0
  for (const rows of groupRows) {
    const groupTo = groupFrom + rows
    for (let from = Math.max(groupFrom, row); from < groupTo; ) {
      const to = Math.min(groupTo, from + rowsMax)
      yield { from, to }
      from = to
    }
    groupFrom = groupTo
  }
  return undefined
}

async function checkMagic(file: ReadableFile, sizeBytes: number): Promise<void> {
  const head = new Uint8Array(MAGIC.length)
  const tail = new Uint8Array(MAGIC.length)
  await readFully(file, head, 0)
  if (Buffer.from(head).toString('latin1') !== MAGIC) throw malformed(file.path, 'it is no Parquet file')
  await readFully(file, tail, Math.max(0, sizeBytes - MAGIC.length))
  if (sizeBytes >= 3 * MAGIC.length && Buffer.from(tail).toString('latin1') === MAGIC) return
  throw new MillraceError('INPUT_TRUNCATED', `"${file.path}" is cut off: a Parquet file ends with its footer`, {
    details: { file: file.path, sizeBytes },
    hint: 'Fetch the file again: it is not complete.',
  })
}

async function readMetadata(file: ReadableFile, read: () => Promise<FileMetaData>): Promise<FileMetaData> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    throw malformed(file.path, `its footer cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function readSlice(file: ReadableFile, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, end - start))
  const length = await readFully(file, bytes, start)
  if (length === bytes.length) return bytes.buffer
  throw malformed(file.path, `its footer names bytes up to ${end}, but it ends at ${start + length}`)
}
