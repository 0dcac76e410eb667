/**
 * The bytes of one record in a local store: an entry as it was when it was written, or (in the log) the mark that it was deleted.
 *
 * Layout, little-endian: CRC-32C of all that follows, length in bytes, epoch, mixed hash, key group, table and flags; the number of
 * the inner map in tables that have inner maps, the time of writing in tables with a time to live; then key and value
 * in the value format, which needs nothing but the record itself. Records begin at multiples of `UNIT_BYTES`.
 *
 * Invariant: the checksum is compared before anything of a record is believed.
 */
import { MillraceError } from '@millrace/api'
import { ByteReader, type ByteWriter, crc32c, ValueDecoder, ValueEncoder } from '@millrace/core'

/** Where a record may begin: positions are counted in these. */
export const UNIT_BYTES = 16
export const HEADER_BYTES = 20

const AT_LENGTH = 4
const AT_EPOCH = 8
const AT_HASH = 12
const AT_GROUP = 16
const AT_TABLE = 18
const TOMBSTONE = 0x8000
const FRESH = 0x4000
const HAS_WRITTEN_AT = 0x2000
const HAS_INNER = 0x1000
export const TABLES_MAX = 0x1000

/** What a record says; also the form in which one is read. */
export interface StoreRecord {
  table: number
  epoch: number
  hash: number
  keyGroup: number
  /** Deleted. */
  isTombstone: boolean
  /** Created in `epoch`: no earlier snapshot knows it. */
  isFresh: boolean
  /** Number of the inner map, or −1. */
  inner: number
  writtenAtMs: number | undefined
  lengthBytes: number
}

export function emptyRecord(): StoreRecord {
  return {
    table: 0,
    epoch: 0,
    hash: 0,
    keyGroup: 0,
    isTombstone: false,
    isFresh: false,
    inner: -1,
    writtenAtMs: undefined,
    lengthBytes: 0,
  }
}

/** Rounded up to where the next record begins. */
export function paddedBytes(lengthBytes: number): number {
  return (lengthBytes + UNIT_BYTES - 1) & -UNIT_BYTES
}

/** The length that a record at `at` says it has. Only a hint until the checksum was compared. */
export function lengthAt(view: DataView, at: number): number {
  return view.getUint32(at + AT_LENGTH, true)
}

/** Reads the head of a record whose whole bytes are in `view`; returns where key and value begin. */
export function readHead(view: DataView, at: number, into: StoreRecord): number {
  const flags = view.getUint16(at + AT_TABLE, true)
  into.lengthBytes = view.getUint32(at + AT_LENGTH, true)
  into.epoch = view.getUint32(at + AT_EPOCH, true)
  into.hash = view.getInt32(at + AT_HASH, true)
  into.keyGroup = view.getUint16(at + AT_GROUP, true)
  into.table = flags & (TABLES_MAX - 1)
  into.isTombstone = (flags & TOMBSTONE) !== 0
  into.isFresh = (flags & FRESH) !== 0
  let next = at + HEADER_BYTES
  into.inner = -1
  if ((flags & HAS_INNER) !== 0) {
    into.inner = view.getUint32(next, true)
    next += 4
  }
  into.writtenAtMs = undefined
  if ((flags & HAS_WRITTEN_AT) !== 0) {
    into.writtenAtMs = view.getFloat64(next, true)
    next += 8
  }
  return next
}

/** Compares the checksum of the record at `at`, of which `available` bytes are there. Throws `DISK_FAILED`. */
export function checkRecord(bytes: Uint8Array, view: DataView, at: number, available: number): void {
  const length = view.getUint32(at + AT_LENGTH, true)
  const fits = length >= HEADER_BYTES && length <= available
  if (fits && view.getUint32(at, true) === crc32c(bytes, at + AT_LENGTH, at + length)) return
  throw new MillraceError('DISK_FAILED', 'A record of the local state store is not what was written.', {
    hint: 'The disk under io.tmp.dirs gives back other bytes than it was given. The job goes on from its last checkpoint.',
  })
}

/** Reads key and value of records, which follow each other: first the key. */
export class RecordDecoder {
  #reader = new ByteReader(new Uint8Array(0))
  #decoder = new ValueDecoder(this.#reader)

  /** A decoder that stands where key and value of a record begin, until the next call. */
  at(bytes: Uint8Array, bodyAt: number): ValueDecoder {
    if (this.#reader.bytes !== bytes) {
      this.#reader = new ByteReader(bytes, 'record of the local state store')
      this.#decoder = new ValueDecoder(this.#reader)
    }
    this.#reader.position = bodyAt
    this.#decoder.reset()
    return this.#decoder
  }
}

/** Writes records one after the other, padded. */
export class RecordEncoder {
  readonly #writer: ByteWriter
  readonly #encoder: ValueEncoder

  constructor(writer: ByteWriter) {
    this.#writer = writer
    this.#encoder = new ValueEncoder(writer)
  }

  /** Writes a record; of `record` everything but the length. Throws `VALUE_NOT_ENCODABLE`, then nothing is written. */
  write(record: Readonly<StoreRecord>, key: unknown, value: unknown, what: string): void {
    const writer = this.#writer
    const at = writer.position
    writer.ensure(HEADER_BYTES)
    writer.position = at + HEADER_BYTES
    let flags = record.table
    if (record.isTombstone) flags |= TOMBSTONE
    if (record.isFresh) flags |= FRESH
    if (record.inner >= 0) {
      flags |= HAS_INNER
      writer.u32(record.inner)
    }
    if (record.writtenAtMs !== undefined) {
      flags |= HAS_WRITTEN_AT
      writer.float64(record.writtenAtMs)
    }
    this.#encoder.reset()
    try {
      this.#encoder.encode(key, 'key')
      if (!record.isTombstone) this.#encoder.encode(value, what)
    } catch (error) {
      writer.truncate(at)
      throw error
    }
    const { view } = writer
    const end = writer.position
    view.setUint32(at + AT_LENGTH, end - at, true)
    view.setUint32(at + AT_EPOCH, record.epoch, true)
    view.setInt32(at + AT_HASH, record.hash, true)
    view.setUint16(at + AT_GROUP, record.keyGroup, true)
    view.setUint16(at + AT_TABLE, flags, true)
    view.setUint32(at, crc32c(writer.bytes, at + AT_LENGTH, end), true)
    pad(writer)
  }

  /** Writes a whole record once more. */
  copy(bytes: Uint8Array): void {
    this.#writer.raw(bytes)
    pad(this.#writer)
  }
}

function pad(writer: ByteWriter): void {
  const end = paddedBytes(writer.position)
  writer.ensure(end - writer.position)
  writer.bytes.fill(0, writer.position, end)
  writer.position = end
}
