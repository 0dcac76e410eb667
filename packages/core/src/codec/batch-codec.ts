/**
 * A batch of records as one message, column by column; what goes through a channel between threads.
 * Decoding gives records that equal the encoded ones in everything that `value-encoder.ts` calls a value, whatever
 * they are: shapes and types may change from record to record, columns choose another form then.
 *
 * Messages of a channel build on those before them (`string-dictionary.ts`), so they are decoded in the order in which
 * they were sent, with one memory at either end. They have a version but neither magic nor checksum: they never leave the process.
 *
 * Layout: version, record count, flags, dropped dictionaries if any, timestamps, key hashes if any, one column of records;
 * of partial results the number of columns of accumulators, and these.
 */
import { MillraceError } from '@millrace/api'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { type BatchDecoderMemory, ColumnDecoder, ColumnScratch } from './column-decoder.ts'
import { type BatchEncoderMemory, ColumnEncoder, EncoderScratch } from './column-encoder.ts'
import { assertEncodable } from './encodable.ts'
import { packedDoubles } from './packed-array.ts'
import { ValueDecoder } from './value-decoder.ts'
import { ValueEncoder } from './value-encoder.ts'

const BATCH_CODEC_VERSION = 2
/** Records of one message; longer batches are sent in parts. */
export const BATCH_MESSAGE_RECORDS_MAX = 65_536

const FLAG_KEY_HASHES = 1
/** All timestamps are the same: written once. */
const FLAG_ONE_TIMESTAMP = 2
const FLAG_ACCUMULATORS = 4
/** The receiver is to forget dictionaries: their count and ids follow. */
const FLAG_DROPPED = 8

// Scratch memory of this thread. Encoding and decoding a message never waits nor nests, so one of each is enough.
const encoderScratch = new EncoderScratch()
const scratch = new ColumnScratch()

/**
 * Appends records `[from, to)` of a batch as one message; `memory.onSent()` says that it was sent. Throws
 * `VALUE_NOT_ENCODABLE` naming record and place when a record cannot be encoded; then nothing was written.
 */
export function encodeBatch(
  batch: RecordBatch,
  from: number,
  to: number,
  writer: ByteWriter,
  memory: BatchEncoderMemory,
): void {
  const count = to - from
  if (!(from >= 0 && to <= batch.records.length && count >= 0 && count <= BATCH_MESSAGE_RECORDS_MAX)) {
    throw new MillraceError('INTERNAL', `Records ${from} to ${to} of ${batch.records.length} are not a message.`)
  }
  const start = writer.position
  const records = part(batch.records, from, to)
  try {
    const columns = new ColumnEncoder(writer, new ValueEncoder(writer), encoderScratch, memory)
    const timestamps = part(batch.timestamps, from, to)
    const oneTimestamp = count > 0 && areSame(timestamps, count)
    writer.u8(BATCH_CODEC_VERSION)
    writer.varint(count)
    const dropped = memory.dictionaries.beginMessage()
    writer.u8(
      (batch.keyHashes === undefined ? 0 : FLAG_KEY_HASHES) |
        (oneTimestamp ? FLAG_ONE_TIMESTAMP : 0) |
        (batch.accumulators === undefined ? 0 : FLAG_ACCUMULATORS) |
        (dropped.length > 0 ? FLAG_DROPPED : 0),
    )
    if (dropped.length > 0) {
      writer.u8(dropped.length)
      for (const id of dropped) writer.u8(id)
    }
    if (oneTimestamp) writer.float64(timestamps[0] as number)
    else columns.encodeNumbers(timestamps, count)
    if (batch.keyHashes !== undefined) columns.encodeNumbers(part(batch.keyHashes, from, to), count)
    // Shapes are compared by enumeration, which would take inherited properties for own ones.
    const isGeneral = hasInheritedProperties()
    if (isGeneral) columns.encodeGeneral(records, count)
    else columns.encode(records, count, memory.records)
    if (batch.accumulators === undefined) return
    writer.varint(batch.accumulators.length)
    for (const [index, column] of batch.accumulators.entries()) {
      if (isGeneral) columns.encodeGeneral(part(column, from, to), count)
      else columns.encode(part(column, from, to), count, memory.accumulators(index))
    }
  } catch (error) {
    writer.truncate(start)
    for (let i = 0; i < count; i++) assertEncodable(records[i], 'record')
    for (const column of batch.accumulators ?? []) {
      for (let i = from; i < to; i++) assertEncodable(column[i], 'accumulator')
    }
    throw error
  }
}

/** Reads the next message of a channel; the batch belongs to the caller. Throws `BYTES_DAMAGED`. */
export function decodeBatch(reader: ByteReader, memory: BatchDecoderMemory): RecordBatch {
  scratch.reset()
  const version = reader.u8()
  if (version !== BATCH_CODEC_VERSION) reader.damaged(`unknown batch version ${version}`)
  const count = reader.count()
  if (count > BATCH_MESSAGE_RECORDS_MAX) reader.damaged('a batch is too long')
  const flags = reader.u8()
  if ((flags & FLAG_DROPPED) !== 0) {
    for (let left = reader.u8(); left > 0; left--) memory.dictionaries.drop(reader.u8(), reader)
  }
  const columns = new ColumnDecoder(reader, new ValueDecoder(reader), scratch, memory)
  const timestamps = (flags & FLAG_ONE_TIMESTAMP) === 0 ? columns.decodeNumbers(count) : repeat(reader.float64(), count)
  const keyHashes = (flags & FLAG_KEY_HASHES) === 0 ? undefined : columns.decodeNumbers(count)
  const records = columns.decodeValues(count)
  if ((flags & FLAG_ACCUMULATORS) === 0) return { records, timestamps, keyHashes }
  const accumulators = Array.from({ length: reader.count() }, () => columns.decodeValues(count))
  return { records, timestamps, keyHashes, accumulators }
}

function part<T>(values: T[], from: number, to: number): readonly T[] {
  return from === 0 && to === values.length ? values : values.slice(from, to)
}

function areSame(values: readonly number[], count: number): boolean {
  const first = values[0]
  for (let i = 1; i < count; i++) if (!Object.is(values[i], first)) return false
  return true
}

function repeat(value: number, count: number): number[] {
  return packedDoubles(count).fill(value)
}

function hasInheritedProperties(): boolean {
  for (const _ in {}) return true
  return false
}
