/**
 * One column of a Parquet file as the type that the job declared. Conversion happens where it is cheapest: hyparquet
 * converts a dictionary once and then only looks values up, so 64-bit integers become numbers (and are checked) once per
 * distinct value, not once per row.
 */

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { MillraceError } from '@millrace/api'
import type { AsyncBuffer, Compressors, DecodedArray, FileMetaData, ParquetParsers, SchemaElement } from 'hyparquet'
import { parquetScan } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { Column } from '../column/columns.ts'

export interface ParquetColumn {
  readonly name: string
  /** The values of rows `[from, to)`, which lie in one row group. */
  read(from: number, to: number): Promise<DecodedArray>
}

/** How a column is decoded as its declared type. */
interface Decoding {
  readonly parsers?: Partial<ParquetParsers>
  /** Stands in for the column's own schema element. */
  readonly element?: (own: SchemaElement) => SchemaElement
  readonly finish?: (values: DecodedArray) => DecodedArray
}

/** A value that cannot become what was declared. */
class ValueRefused extends Error {}

const DAY_MS = 86_400_000

/** Node's own are several times faster than the portable ones. A page's header says how long it may become. */
const COMPRESSORS: Compressors = {
  ...compressors,
  ZSTD: (bytes, length) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
  GZIP: (bytes, length) => gunzipSync(bytes, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
}

/** Throws `INPUT_MALFORMED` when the file has no such column or one of a type that does not fit. */
export async function openParquetColumn(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  column: Column,
): Promise<ParquetColumn> {
  const { name } = column
  const element = findColumn(path, metadata, name)
  const decoding = chooseDecoding(column, element)
  if (decoding === undefined) {
    throw malformed(path, `its column "${name}" is ${describeElement(element)}, which does not fit "${column.type}"`, {
      name,
    })
  }
  const schema = metadata.schema.map((other) => (other === element ? (decoding.element?.(element) ?? element) : other))
  const scan = await parquetScan({
    file,
    metadata: { ...metadata, schema },
    columns: [name],
    compressors: COMPRESSORS,
    parsers: { stringFromBytes, ...decoding.parsers },
  })
  return {
    name,
    async read(rowStart, rowEnd) {
      const values = await readValues(path, name, () => scan.readColumn({ column: name, rowStart, rowEnd }))
      if (values.length !== rowEnd - rowStart) {
        throw malformed(path, `its column "${name}" has ${values.length} values for ${rowEnd - rowStart} rows`, {
          name,
        })
      }
      if (Array.isArray(values) && element.repetition_type === 'OPTIONAL') checkNulls(path, column, values, rowStart)
      return decoding.finish === undefined ? values : decoding.finish(values)
    },
  }
}

export function malformed(
  path: string,
  reason: string,
  options: { readonly name?: string; readonly row?: number; readonly cause?: unknown } = {},
): MillraceError {
  const { name, row, cause } = options
  return new MillraceError('INPUT_MALFORMED', `"${path}" cannot be read: ${reason}`, {
    details: { file: path, ...(name === undefined ? {} : { column: name }), ...(row === undefined ? {} : { row }) },
    ...(cause === undefined ? {} : { cause }),
  })
}

function findColumn(path: string, metadata: FileMetaData, name: string): SchemaElement {
  const topLevel: SchemaElement[] = []
  const [root] = metadata.schema
  for (let i = 1, left = root?.num_children ?? 0; left > 0 && i < metadata.schema.length; left--) {
    topLevel.push(metadata.schema[i] as SchemaElement)
    i = afterSubtree(metadata.schema, i)
  }
  const element = topLevel.find((candidate) => candidate.name === name)
  if (element !== undefined) return element
  const names = topLevel.map((candidate) => candidate.name).join(', ')
  throw malformed(path, `it has no column "${name}"; it has ${names}`, { name })
}

function afterSubtree(schema: readonly SchemaElement[], index: number): number {
  let next = index + 1
  for (let left = schema[index]?.num_children ?? 0; left > 0; left--) next = afterSubtree(schema, next)
  return next
}

function chooseDecoding({ type }: Column, element: SchemaElement): Decoding | undefined {
  const kind = kindOf(element)
  switch (type) {
    case 'int':
      if (kind === 'int32') return {}
      // hyparquet hands the values of this logical type to a parser of ours; what it calls a timestamp is our integer.
      if (kind === 'int64') return asParsed((value) => toSafeNumber(value))
      return kind === 'uint64' ? asParsed((value) => toSafeNumber(BigInt.asUintN(64, value))) : undefined
    case 'bigint':
      if (kind === 'int64' || kind === 'uint64') return {}
      return kind === 'int32' ? { finish: toBigInts } : undefined
    case 'float':
      if (kind === 'decimal') return { element: asDecimal }
      return kind === 'float' || kind === 'int32' ? {} : undefined
    case 'timestamp':
      if (kind !== 'timestamp') return undefined
      if (element.logical_type?.type !== 'DATE') return { parsers: TIMESTAMP_PARSERS }
      return { parsers: TIMESTAMP_PARSERS, element: (own) => ({ ...own, converted_type: 'DATE' }) }
    case 'string':
      return kind === 'string' ? {} : undefined
    case 'boolean':
      return kind === 'boolean' ? {} : undefined
  }
}

type ElementKind = 'int32' | 'int64' | 'uint64' | 'float' | 'decimal' | 'timestamp' | 'string' | 'boolean' | 'other'

const INTEGER_TYPES = ['INT_8', 'INT_16', 'INT_32', 'INT_64', 'UINT_8', 'UINT_16', 'UINT_32', 'UINT_64']

function kindOf(element: SchemaElement): ElementKind {
  const { type, converted_type: converted, logical_type: logical, repetition_type: repetition } = element
  if ((element.num_children ?? 0) > 0 || repetition === 'REPEATED') return 'other'
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return 'decimal'
  if (logical?.type === 'TIMESTAMP' || logical?.type === 'DATE' || type === 'INT96') return 'timestamp'
  if (converted === 'DATE' || converted === 'TIMESTAMP_MILLIS' || converted === 'TIMESTAMP_MICROS') return 'timestamp'
  if (logical?.type === 'FLOAT16' || type === 'FLOAT' || type === 'DOUBLE') return 'float'
  if (type === 'BOOLEAN') return 'boolean'
  if (type === 'BYTE_ARRAY') {
    const isText =
      converted === 'UTF8' || converted === 'ENUM' || logical?.type === 'STRING' || logical?.type === 'ENUM'
    return isText || (converted === undefined && logical === undefined) ? 'string' : 'other'
  }
  if (logical?.type === 'UUID') return 'string'
  const isInteger =
    converted === undefined ? logical === undefined || logical.type === 'INTEGER' : INTEGER_TYPES.includes(converted)
  if (!isInteger) return 'other'
  if (type === 'INT32') return 'int32'
  if (type !== 'INT64') return 'other'
  const isUnsigned = converted === 'UINT_64' || (logical?.type === 'INTEGER' && !logical.isSigned)
  return isUnsigned ? 'uint64' : 'int64'
}

function describeElement({
  type,
  converted_type: converted,
  logical_type: logical,
  num_children,
}: SchemaElement): string {
  if ((num_children ?? 0) > 0) return 'nested'
  const annotation = logical?.type ?? converted
  return annotation === undefined ? String(type) : `${type} (${annotation})`
}

function asParsed(parse: (value: bigint) => number): Decoding {
  return {
    element: ({ converted_type: _, ...own }) => ({
      ...own,
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
    }),
    parsers: { timestampFromMilliseconds: parse },
  }
}

/** hyparquet goes by the older annotation, which newer writers may leave out. */
function asDecimal(own: SchemaElement): SchemaElement {
  const { logical_type: logical } = own
  const scale = own.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0)
  return { ...own, converted_type: 'DECIMAL', scale }
}

function toSafeNumber(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) {
    throw new ValueRefused(`holds ${value}, which a number does not hold exactly; declare it "bigint"`)
  }
  return number
}

const TIMESTAMP_PARSERS: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (value: bigint) => Number(value),
  timestampFromMicroseconds: (value: bigint) => Number(floorDivide(value, 1_000n)),
  timestampFromNanoseconds: (value: bigint) => Number(floorDivide(value, 1_000_000n)),
  dateFromDays: (days: number) => days * DAY_MS,
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function stringFromBytes(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

function toBigInts(values: DecodedArray): DecodedArray {
  return Array.from(values as ArrayLike<number | null>, (value) => (value === null ? null : BigInt(value)))
}

async function readValues(path: string, name: string, read: () => Promise<DecodedArray>): Promise<DecodedArray> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    if (cause instanceof ValueRefused) throw malformed(path, `its column "${name}" ${cause.message}`, { name })
    const { code, message } = cause as Error & { readonly code?: unknown }
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new MillraceError('INPUT_NOT_UTF8', `"${path}": its column "${name}" holds text that is not valid UTF-8`, {
        details: { file: path, column: name },
        cause,
      })
    }
    throw malformed(path, `its column "${name}" cannot be decoded: ${message}`, { name, cause })
  }
}

function checkNulls(path: string, { name, nullable }: Column, values: unknown[], rowStart: number): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null && values[i] !== undefined) continue
    if (!nullable) {
      throw malformed(path, `its column "${name}" is null in row ${rowStart + i}; declare it nullable if it may be`, {
        name,
        row: rowStart + i,
      })
    }
    values[i] = null
  }
}
