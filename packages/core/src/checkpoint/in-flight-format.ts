/**
 * The bytes of data in flight, one piece for each subtask and checkpoint that holds any. Records are value-encoded as in
 * segments, so the form does not hang on how channels carry them.
 *
 * Layout: magic `MRIF`, version, checkpoint, operator uid, stages; per stage its sections; per section its channel, the
 * number of its elements, their length and their bytes; CRC-32C of everything before it. Each section has value shapes of
 * its own.
 *
 * Invariant: magic, version and checksum are checked before anything is returned.
 */
import { MillraceError } from '@millrace/api'
import type { RecordBatch } from '../batch/record-batch.ts'
import { ByteReader } from '../codec/byte-reader.ts'
import { ByteWriter } from '../codec/byte-writer.ts'
import { crc32c } from '../codec/crc32c.ts'
import { readString, writeString } from '../codec/string-codec.ts'
import { ValueDecoder } from '../codec/value-decoder.ts'
import { ValueEncoder } from '../codec/value-encoder.ts'
import type { InFlightChannel, InFlightElement, InFlightSection, InFlightStage } from './in-flight.ts'

export const IN_FLIGHT_VERSION = 1

export interface InFlightHeader {
  readonly checkpointId: number
  /** The first operator of the receiving task. */
  readonly operatorUid: string
}

const MAGIC = 0x4649_524d // 'MRIF', little-endian

const BATCH = 1
const WATERMARK = 2
const STATUS = 3
const END = 4

const HAS_KEY_HASHES = 1
const HAS_ACCUMULATORS = 2

const TRAILER_BYTES = 4
const BYTES_MIN = 4 + 1 + TRAILER_BYTES

/** Encodes one section while its channel is read. */
export class InFlightSectionWriter {
  readonly #channel: InFlightChannel
  readonly #writer = new ByteWriter(256)
  readonly #encoder = new ValueEncoder(this.#writer)
  #elements = 0
  #records = 0

  constructor(channel: InFlightChannel) {
    this.#channel = channel
  }

  get lengthBytes(): number {
    return this.#writer.position
  }

  get records(): number {
    return this.#records
  }

  add(element: InFlightElement): void {
    const writer = this.#writer
    this.#elements++
    switch (element.kind) {
      case 'batch':
        writer.u8(BATCH)
        this.#addBatch(element.batch)
        break
      case 'watermark':
        writer.u8(WATERMARK)
        writer.float64(element.timestamp)
        break
      case 'status':
        writer.u8(STATUS)
        writer.u8(element.idle ? 1 : 0)
        break
      case 'end':
        writer.u8(END)
        break
    }
  }

  appendTo(writer: ByteWriter): void {
    const { from, fromSubtask, isKeyed } = this.#channel
    writeString(writer, from)
    writer.varint(fromSubtask)
    writer.u8(isKeyed ? 1 : 0)
    writer.varint(this.#elements)
    writer.varint(this.#writer.position)
    writer.raw(this.#writer.written())
  }

  #addBatch({ records, timestamps, keyHashes, accumulators }: RecordBatch): void {
    const writer = this.#writer
    const count = records.length
    this.#records += count
    writer.varint(count)
    writer.u8((keyHashes === undefined ? 0 : HAS_KEY_HASHES) | (accumulators === undefined ? 0 : HAS_ACCUMULATORS))
    for (let i = 0; i < count; i++) writer.float64(timestamps[i] as number)
    if (keyHashes !== undefined) for (let i = 0; i < count; i++) writer.u32((keyHashes[i] as number) >>> 0)
    for (let i = 0; i < count; i++) this.#encoder.encode(records[i], 'record in flight')
    if (accumulators === undefined) return
    writer.varint(accumulators.length)
    for (const column of accumulators) {
      for (let i = 0; i < count; i++) this.#encoder.encode(column[i], 'accumulator in flight')
    }
  }
}

export function encodeInFlight(
  header: InFlightHeader,
  stages: readonly (readonly InFlightSectionWriter[])[],
): Uint8Array {
  const writer = new ByteWriter(1_024)
  writer.u32(MAGIC)
  writer.u8(IN_FLIGHT_VERSION)
  writer.varint(header.checkpointId)
  writeString(writer, header.operatorUid)
  writer.varint(stages.length)
  for (const sections of stages) {
    writer.varint(sections.length)
    for (const section of sections) section.appendTo(writer)
  }
  writer.u32(crc32c(writer.written()))
  return writer.toBytes()
}

/**
 * Reads data in flight; `what` names the bytes in errors. Throws `BYTES_DAMAGED` for anything that `encodeInFlight` did not
 * write, `CHECKPOINT_NEWER_VERSION` for a later form.
 */
export function readInFlight(
  bytes: Uint8Array,
  what = 'data in flight',
): InFlightHeader & { readonly stages: readonly InFlightStage[] } {
  const reader = openInFlight(bytes, what)
  const checkpointId = reader.varint()
  const operatorUid = readString(reader)
  const stages: InFlightStage[] = []
  for (let left = reader.count(1); left > 0; left--) {
    const sections: InFlightSection[] = []
    for (let sectionsLeft = reader.count(5); sectionsLeft > 0; sectionsLeft--) sections.push(readSection(reader, what))
    stages.push(sections)
  }
  reader.expectEnd()
  return { checkpointId, operatorUid, stages }
}

function openInFlight(bytes: Uint8Array, what: string): ByteReader {
  const whole = new ByteReader(bytes, what)
  if (bytes.length < BYTES_MIN) whole.damaged(`${bytes.length} bytes are too short for data in flight`)
  if (whole.u32() !== MAGIC) whole.damaged('it does not begin with the mark of data in flight')
  const version = whole.u8()
  const end = bytes.length - TRAILER_BYTES
  if (new ByteReader(bytes, what, end).u32() !== crc32c(bytes, 0, end)) whole.damaged('the checksum is wrong')
  if (version > IN_FLIGHT_VERSION) {
    throw new MillraceError(
      'CHECKPOINT_NEWER_VERSION',
      `${what} has version ${version}; this Millrace reads data in flight up to version ${IN_FLIGHT_VERSION}`,
      { details: { what, version }, hint: 'Run the job with the Millrace version that wrote the checkpoint.' },
    )
  }
  if (version < 1) whole.damaged(`unknown version ${version}`)
  return new ByteReader(bytes, what, whole.position, end)
}

function readSection(reader: ByteReader, what: string): InFlightSection {
  const from = readString(reader)
  const fromSubtask = reader.varint()
  const isKeyed = reader.u8() !== 0
  const count = reader.varint()
  const own = new ByteReader(reader.raw(reader.count(1)), what)
  const decoder = new ValueDecoder(own)
  const elements: InFlightElement[] = []
  for (let left = count; left > 0; left--) elements.push(readElement(own, decoder))
  own.expectEnd()
  return { from, fromSubtask, isKeyed, elements }
}

function readElement(reader: ByteReader, decoder: ValueDecoder): InFlightElement {
  const kind = reader.u8()
  switch (kind) {
    case BATCH:
      return { kind: 'batch', batch: readBatch(reader, decoder) }
    case WATERMARK:
      return { kind: 'watermark', timestamp: reader.float64() }
    case STATUS:
      return { kind: 'status', idle: reader.u8() !== 0 }
    case END:
      return { kind: 'end' }
    default:
      return reader.damaged(`unknown element ${kind}`)
  }
}

function readBatch(reader: ByteReader, decoder: ValueDecoder): RecordBatch {
  // A timestamp and a value each.
  const count = reader.count(9)
  const flags = reader.u8()
  const timestamps = repeat(count, () => reader.float64())
  const keyHashes = (flags & HAS_KEY_HASHES) === 0 ? undefined : repeat(count, () => reader.u32())
  const records = repeat(count, () => decoder.decode())
  if ((flags & HAS_ACCUMULATORS) === 0) return { records, timestamps, keyHashes }
  const accumulators = repeat(reader.varint(), () => repeat(count, () => decoder.decode()))
  return { records, timestamps, keyHashes, accumulators }
}

function repeat<T>(count: number, read: () => T): T[] {
  const all: T[] = []
  for (let i = 0; i < count; i++) all.push(read())
  return all
}
