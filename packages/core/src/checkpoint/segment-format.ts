/**
 * The bytes of a segment: what one operator holds for one key group, as a base (everything) or a delta (what changed,
 * with tombstones). The one form in which keyed state leaves any backend, so that a snapshot of one restores on another.
 *
 * Layout: magic `MRSG`, version, header (kind, checkpoint, operator uid, key group, tables), operations, end mark,
 * number of operations, CRC-32C of everything before it. Keys, user keys and values are value-encoded, namespaces are
 * float64. An operation that repeats the table, key or namespace of the one before says so in one bit.
 *
 * Invariant: magic, version and checksum are checked before the visitor is told anything; operations of a delta are
 * applied in order over what came before.
 */
import { MillraceError } from '@millrace/api'
import { ByteReader } from '../codec/byte-reader.ts'
import { ByteWriter } from '../codec/byte-writer.ts'
import { crc32c } from '../codec/crc32c.ts'
import { NumbersAt } from '../codec/numbers-at.ts'
import { readString, writeString } from '../codec/string-codec.ts'
import { ValueDecoder } from '../codec/value-decoder.ts'
import { ValueEncoder } from '../codec/value-encoder.ts'
import type { TableDescriptor, TableKind } from '../state/table-descriptor.ts'

/**
 * 2: values may be `DistinctValues`. 3: the elements of a list may have times of their own. What else there is has been the same
 * since version 1.
 */
export const SEGMENT_VERSION = 3
const SEGMENT_VERSION_MIN = 1

export interface SegmentHeader {
  readonly kind: 'base' | 'delta'
  readonly checkpointId: number
  readonly operatorUid: string
  readonly keyGroup: number
  /** Operations name a table by its index in this list. All belong to `operatorUid`. */
  readonly tables: readonly TableDescriptor[]
}

/**
 * What `readSegment` tells, in the order of writing. `sub` is the user key of a map entry, the namespace (a number) of
 * a namespaced entry, and `undefined` for value and list tables, whose `value` is the value or the whole list.
 */
export interface SegmentVisitor {
  /** Once, before the rest: the place to compare the stored tables with the declared ones (`checkStoredTable`). */
  onHeader(header: SegmentHeader): void
  /**
   * `writtenAtMs` (wall clock) is there for tables with a time to live; `elementTimesMs` for their lists, one for each element, and
   * `writtenAtMs` is the latest of them.
   */
  onPut(
    table: number,
    key: unknown,
    sub: unknown,
    value: unknown,
    writtenAtMs: number | undefined,
    elementTimesMs?: readonly number[],
  ): void
  onDelete(table: number, key: unknown, sub: unknown): void
  /** All entries of a key of a map table are gone. */
  onClear(table: number, key: unknown): void
  /** All entries of a namespace are gone, of every key of the key group. */
  onDropNamespace(table: number, namespace: number): void
}

const MAGIC = 0x4753_524d // 'MRSG', little-endian
const TABLE_KINDS: readonly TableKind[] = ['value', 'list', 'map', 'namespaced']

const OP_END = 0
const OP_PUT = 1
const OP_DELETE = 2
const OP_CLEAR = 3
const OP_DROP_NAMESPACE = 4
const OP_MASK = 0x07
const SAME_TABLE = 0x08
const SAME_KEY = 0x10
const SAME_NAMESPACE = 0x20
const HAS_WRITTEN_AT = 0x40
const HAS_ELEMENT_TIMES = 0x80

const TRAILER_BYTES = 8
const BYTES_MIN = 4 + 1 + TRAILER_BYTES

export class SegmentWriter {
  readonly #writer: ByteWriter
  readonly #encoder: ValueEncoder
  readonly #tables: readonly TableDescriptor[]
  /** How a refusal names the values of each table. */
  readonly #names: readonly string[]
  #entries = 0
  #lastTable = -1
  #hasLastKey = false
  #lastKey: unknown
  #lastNamespace: number | undefined

  /** `initial`: capacity to begin with, or a buffer to write to. */
  constructor(header: SegmentHeader, initial: number | Uint8Array = 1_024) {
    this.#writer = new ByteWriter(initial)
    this.#encoder = new ValueEncoder(this.#writer)
    this.#tables = header.tables
    this.#names = header.tables.map(({ name }) => `state "${name}"`)
    writeHeader(this.#writer, header)
  }

  /** Operations so far. */
  get entries(): number {
    return this.#entries
  }

  /** Bytes so far. */
  get lengthBytes(): number {
    return this.#writer.position
  }

  /** Bytes of memory that it takes: those so far, and room for more. */
  get capacityBytes(): number {
    return this.#writer.bytes.length
  }

  /**
   * An entry and its value. `sub`: the user key in a map table, the namespace in a namespaced one, `undefined` else; the
   * value of a list table is the whole list, whose elements may have times. Key, user key and value may be `NumbersAt`. Throws `VALUE_NOT_ENCODABLE` for what cannot be
   * stored; the segment must then be given up.
   */
  put(
    table: number,
    key: unknown,
    sub: unknown,
    value: unknown,
    writtenAtMs?: number,
    elementTimesMs?: readonly number[],
  ): void {
    if (elementTimesMs !== undefined) this.#expectTimes(table, value, writtenAtMs, elementTimesMs)
    const op = elementTimesMs === undefined ? OP_PUT : OP_PUT | HAS_ELEMENT_TIMES
    this.#begin(op, table, key, sub, writtenAtMs)
    if (value instanceof NumbersAt) this.#encoder.numbers(value)
    else this.#encoder.encode(value, this.#names[table])
    for (const timeMs of elementTimesMs ?? []) this.#writer.float64(timeMs)
  }

  /** A tombstone for one entry; a list is deleted as a whole. */
  delete(table: number, key: unknown, sub: unknown): void {
    this.#begin(OP_DELETE, table, key, sub, undefined)
  }

  /** A tombstone for all entries of a key of a map table. */
  clear(table: number, key: unknown): void {
    this.#expectKind(table, 'map')
    const flags = this.#flagsOf(table, key)
    this.#writer.u8(OP_CLEAR | flags)
    this.#writeAddress(flags, table, key)
  }

  /** A tombstone for a whole namespace. */
  dropNamespace(table: number, namespace: number): void {
    this.#expectKind(table, 'namespaced')
    this.#writer.u8(OP_DROP_NAMESPACE)
    this.#writer.varint(table)
    this.#writer.float64(namespace)
    this.#lastTable = table
    this.#lastNamespace = namespace
    this.#entries++
  }

  /** After `finish`: the buffer that was written to, for another writer. */
  get buffer(): Uint8Array {
    return this.#writer.bytes
  }

  /** The whole segment. The writer must not be used afterwards. */
  finish(): Uint8Array {
    const writer = this.#writer
    writer.u8(OP_END)
    writer.u32(this.#entries)
    writer.u32(crc32c(writer.bytes, 0, writer.position))
    return writer.toBytes()
  }

  #begin(op: number, table: number, key: unknown, sub: unknown, writtenAtMs: number | undefined): void {
    const kind = this.#tables[table]?.kind
    if (kind === undefined) throw new RangeError(`table ${table} of ${this.#tables.length}`)
    let flags = this.#flagsOf(table, key)
    if (kind === 'namespaced' && Object.is(sub, this.#lastNamespace)) flags |= SAME_NAMESPACE
    if (writtenAtMs !== undefined) flags |= HAS_WRITTEN_AT
    this.#writer.u8(op | flags)
    this.#writeAddress(flags, table, key)
    if (kind === 'map') {
      this.#encodeKey(sub, 'map key')
    } else if (kind === 'namespaced' && (flags & SAME_NAMESPACE) === 0) {
      this.#writer.float64(sub as number)
      this.#lastNamespace = sub as number
    }
    if (writtenAtMs !== undefined) this.#writer.float64(writtenAtMs)
  }

  #flagsOf(table: number, key: unknown): number {
    const sameKey = this.#hasLastKey && Object.is(key, this.#lastKey)
    return (table === this.#lastTable ? SAME_TABLE : 0) | (sameKey ? SAME_KEY : 0)
  }

  #writeAddress(flags: number, table: number, key: unknown): void {
    if ((flags & SAME_TABLE) === 0) this.#writer.varint(table)
    if ((flags & SAME_KEY) === 0) this.#encodeKey(key, 'key')
    this.#lastTable = table
    this.#lastKey = key
    // As with two arrays, which are never the same one.
    this.#hasLastKey = !(key instanceof NumbersAt)
    this.#entries++
  }

  #encodeKey(key: unknown, what: string): void {
    if (key instanceof NumbersAt) this.#encoder.numbers(key)
    else this.#encoder.encode(key, what)
  }

  #expectTimes(table: number, value: unknown, writtenAtMs: number | undefined, timesMs: readonly number[]): void {
    this.#expectKind(table, 'list')
    const elements = Array.isArray(value) ? value.length : 0
    if (writtenAtMs === undefined || timesMs.length !== elements) {
      throw new RangeError(`${timesMs.length} times for ${elements} elements`)
    }
  }

  #expectKind(table: number, kind: TableKind): void {
    if (this.#tables[table]?.kind !== kind) throw new RangeError(`table ${table} is not of kind ${kind}`)
  }
}

/**
 * Reads a whole segment. `what` names it in errors: file, operator, key group.
 * Throws `BYTES_DAMAGED` for anything that `SegmentWriter` did not write, `CHECKPOINT_NEWER_VERSION` for a later form.
 */
export function readSegment(bytes: Uint8Array, visitor: SegmentVisitor, what = 'segment'): void {
  const reader = openSegment(bytes, what)
  const header = readHeader(reader)
  visitor.onHeader(header)
  const entries = readOperations(reader, header.tables, visitor)
  reader.expectEnd()
  const announced = new ByteReader(bytes, what, bytes.length - TRAILER_BYTES).u32()
  if (entries !== announced) reader.damaged(`${announced} operations announced, ${entries} found`)
}

/** The header alone; the checksum of the whole is checked. */
export function readSegmentHeader(bytes: Uint8Array, what = 'segment'): SegmentHeader {
  return readHeader(openSegment(bytes, what))
}

/**
 * Compares a stored table with what the job declares under the same name. Throws `STATE_MISREAD` when kind or version
 * differ. A different time to live is fine: when an entry was written is stored, not when it expires.
 */
export function checkStoredTable(stored: TableDescriptor, declared: TableDescriptor): void {
  if (stored.kind === declared.kind && stored.version === declared.version) return
  throw new MillraceError(
    'STATE_MISREAD',
    `State "${declared.name}" of operator "${declared.operatorUid}" is declared as ${formOf(declared)}, but was stored as ${formOf(stored)}`,
    {
      details: { operator: declared.operatorUid, state: declared.name },
      hint: 'Declare it as it was stored, or give the new form another name.',
    },
  )
}

function formOf(table: TableDescriptor): string {
  return `${table.kind} version ${table.version}`
}

function writeHeader(writer: ByteWriter, header: SegmentHeader): void {
  writer.u32(MAGIC)
  writer.u8(SEGMENT_VERSION)
  writer.u8(header.kind === 'base' ? 0 : 1)
  writer.varint(header.checkpointId)
  writeString(writer, header.operatorUid)
  writer.varint(header.keyGroup)
  writer.varint(header.tables.length)
  for (const table of header.tables) {
    writeString(writer, table.name)
    writer.u8(TABLE_KINDS.indexOf(table.kind))
    writer.varint(table.version)
    writer.varint(table.ttlMs ?? 0)
  }
}

function openSegment(bytes: Uint8Array, what: string): ByteReader {
  const whole = new ByteReader(bytes, what)
  if (bytes.length < BYTES_MIN) whole.damaged(`${bytes.length} bytes are too short for a segment`)
  if (whole.u32() !== MAGIC) whole.damaged('it does not begin with the mark of a segment')
  const version = whole.u8()
  if (version > SEGMENT_VERSION && checksumFits(bytes)) {
    throw new MillraceError(
      'CHECKPOINT_NEWER_VERSION',
      `${what} has version ${version}; this Millrace reads segments up to version ${SEGMENT_VERSION}`,
      { details: { what, version }, hint: 'Run the job with the Millrace version that wrote the checkpoint.' },
    )
  }
  if (!checksumFits(bytes)) whole.damaged('the checksum is wrong')
  if (version < SEGMENT_VERSION_MIN) whole.damaged(`unknown version ${version}`)
  return new ByteReader(bytes, what, whole.position, bytes.length - TRAILER_BYTES)
}

function checksumFits(bytes: Uint8Array): boolean {
  const at = bytes.length - 4
  return new ByteReader(bytes, 'segment', at).u32() === crc32c(bytes, 0, at)
}

function readHeader(reader: ByteReader): SegmentHeader {
  const kind = reader.u8()
  if (kind > 1) reader.damaged(`unknown segment kind ${kind}`)
  const checkpointId = reader.varint()
  const operatorUid = readString(reader)
  const keyGroup = reader.varint()
  const tables: TableDescriptor[] = []
  for (let left = reader.count(4); left > 0; left--) {
    const name = readString(reader)
    const tableKind = TABLE_KINDS[reader.u8()] ?? reader.damaged('unknown kind of table')
    const version = reader.varint()
    const ttlMs = reader.varint()
    tables.push({ operatorUid, name, kind: tableKind, version, ttlMs: ttlMs === 0 ? undefined : ttlMs })
  }
  return { kind: kind === 0 ? 'base' : 'delta', checkpointId, operatorUid, keyGroup, tables }
}

/** Returns how many operations there were. */
function readOperations(reader: ByteReader, tables: readonly TableDescriptor[], visitor: SegmentVisitor): number {
  const decoder = new ValueDecoder(reader)
  let entries = 0
  let table = -1
  let hasKey = false
  let key: unknown
  let namespace: number | undefined
  for (;;) {
    const head = reader.u8()
    const op = head & OP_MASK
    if (head === OP_END) return entries
    entries++
    if ((head & SAME_TABLE) === 0) table = reader.varint()
    const kind = tables[table]?.kind ?? reader.damaged(`unknown table ${table}`)
    if (op === OP_DROP_NAMESPACE) {
      if (kind !== 'namespaced') reader.damaged(`a ${kind} table has no namespaces`)
      namespace = reader.float64()
      visitor.onDropNamespace(table, namespace)
      continue
    }
    if ((head & SAME_KEY) === 0) {
      key = decoder.decode()
      hasKey = true
    } else if (!hasKey) {
      reader.damaged('an operation repeats a key where there was none')
    }
    if (op === OP_CLEAR) {
      visitor.onClear(table, key)
      continue
    }
    let sub: unknown
    if (kind === 'map') {
      sub = decoder.decode()
    } else if (kind === 'namespaced') {
      if ((head & SAME_NAMESPACE) === 0) namespace = reader.float64()
      sub = namespace ?? reader.damaged('an operation repeats a namespace where there was none')
    }
    if (op === OP_DELETE) {
      visitor.onDelete(table, key, sub)
    } else if (op === OP_PUT) {
      const writtenAtMs = (head & HAS_WRITTEN_AT) === 0 ? undefined : reader.float64()
      const value = decoder.decode()
      if ((head & HAS_ELEMENT_TIMES) === 0) {
        visitor.onPut(table, key, sub, value, writtenAtMs)
      } else {
        if (kind !== 'list' || !Array.isArray(value)) reader.damaged('only elements of a list have times')
        visitor.onPut(table, key, sub, value, writtenAtMs, readTimes(reader, value.length))
      }
    } else {
      reader.damaged(`unknown operation ${op}`)
    }
  }
}

function readTimes(reader: ByteReader, count: number): readonly number[] {
  const timesMs: number[] = []
  for (let i = 0; i < count; i++) timesMs.push(reader.float64())
  return timesMs
}
