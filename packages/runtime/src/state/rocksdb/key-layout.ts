/**
 * The keys of one backend in an ordered store. Numbers are big-endian, so that keys are in the order of what they say.
 *
 *     entries   backend | 1 | table | place | hash                         the records of all keys of that hash
 *     changes   backend | 2 | epoch | table | place | hash | 0             something of them was last changed in that epoch
 *               backend | 2 | epoch | table | place | hash | 1 | key       the key was deleted in that epoch
 *
 * The place is the key group in value and list tables; namespace, then key group in namespaced ones; key group, hash and bytes of the
 * outer key in map tables. So each inner map is one range, and each key group of a table of values, lists or maps. Hashes are mixed.
 */
import { ByteReader, ByteWriter, readKey, type TableKind, writeKey } from '@millrace/core'
import type { MapOwner, RecordMap } from '../store/record-map.ts'

const ENTRIES = 1
const CHANGES = 2
const CHANGED = 0
const DELETED = 1
/** Backend and kind. */
const HEAD_BYTES = 5
const EPOCH_BYTES = 4
const GROUP_BYTES = 2
const HASH_BYTES = 4

/** What the key of an entry says. */
export interface EntryPlace {
  readonly table: number
  readonly keyGroup: number
  /** In tables with inner maps. */
  readonly outerKey: unknown
  /** Mixed. */
  readonly hash: number
}

export interface Change extends EntryPlace {
  readonly epoch: number
  readonly isDeletion: boolean
  /** Of a deletion. */
  readonly key: unknown
  /** Where the records are. */
  readonly entryKey: Uint8Array
}

export class KeyLayout {
  readonly #backend: number
  readonly #kindOf: (table: number) => TableKind
  readonly #writer = new ByteWriter(64)

  constructor(backend: number, kindOf: (table: number) => TableKind) {
    this.#backend = backend
    this.#kindOf = kindOf
  }

  /** Everything of the backend. */
  get all(): { readonly from: Uint8Array; readonly end: Uint8Array } {
    return { from: this.#head(ENTRIES), end: this.#head(CHANGES + 1) }
  }

  get entries(): { readonly from: Uint8Array; readonly end: Uint8Array } {
    return { from: this.#head(ENTRIES), end: this.#head(CHANGES) }
  }

  /** Changes from an epoch to below another. */
  changes(fromEpoch: number, endEpoch: number): { readonly from: Uint8Array; readonly end: Uint8Array } {
    return { from: this.#epochPrefix(fromEpoch), end: this.#epochPrefix(endEpoch) }
  }

  /** What all keys of the entries of a table begin with. */
  tablePrefix(table: number): Uint8Array {
    const writer = this.#begin(ENTRIES)
    writeU16(writer, table)
    return writer.toBytes()
  }

  /** The same of one key group; not of a namespaced table. */
  groupPrefix(table: number, keyGroup: number): Uint8Array {
    const writer = this.#begin(ENTRIES)
    writeU16(writer, table)
    writeU16(writer, keyGroup)
    return writer.toBytes()
  }

  /** The same of one map. */
  mapPrefix(map: RecordMap): Uint8Array {
    if (map.prefix !== undefined) return map.prefix
    const { table, outerKey, outerHash, groups } = map
    const writer = this.#begin(ENTRIES)
    writeU16(writer, table.number)
    if (table.descriptor.kind === 'namespaced') {
      writeOrdered(writer, outerKey as number)
    } else if (table.descriptor.kind === 'map') {
      writeU16(writer, groups[0] as number)
      writeU32(writer, outerHash)
      writeKey(writer, outerKey)
    }
    map.prefix = writer.toBytes()
    return map.prefix
  }

  entryKey(map: RecordMap, keyGroup: number, hash: number): Uint8Array {
    const prefix = this.mapPrefix(map)
    const hasGroup = map.table.descriptor.kind !== 'map'
    const key = new Uint8Array(prefix.length + (hasGroup ? GROUP_BYTES : 0) + HASH_BYTES)
    key.set(prefix)
    let at = prefix.length
    if (hasGroup) {
      key[at++] = keyGroup >>> 8
      key[at++] = keyGroup
    }
    key[at++] = hash >>> 24
    key[at++] = hash >>> 16
    key[at++] = hash >>> 8
    key[at] = hash
    return key
  }

  changeKey(entryKey: Uint8Array, epoch: number): Uint8Array {
    const writer = this.#beginChange(entryKey, epoch)
    writer.u8(CHANGED)
    return writer.toBytes()
  }

  deletionKey(entryKey: Uint8Array, epoch: number, key: unknown): Uint8Array {
    const writer = this.#beginChange(entryKey, epoch)
    writer.u8(DELETED)
    writeKey(writer, key)
    return writer.toBytes()
  }

  parseEntryKey(bytes: Uint8Array): EntryPlace {
    return this.#parse(new ByteReader(bytes, 'key of the local state store', HEAD_BYTES))
  }

  parseChange(bytes: Uint8Array): Change {
    const reader = new ByteReader(bytes, 'key of the local state store', HEAD_BYTES)
    const epoch = readU32(reader)
    const place = this.#parse(reader)
    const end = reader.position
    const isDeletion = reader.u8() === DELETED
    const entryKey = new Uint8Array(end - EPOCH_BYTES)
    entryKey.set(this.#head(ENTRIES))
    entryKey.set(bytes.subarray(HEAD_BYTES + EPOCH_BYTES, end), HEAD_BYTES)
    return { ...place, epoch, isDeletion, key: isDeletion ? readKey(reader) : undefined, entryKey }
  }

  #parse(reader: ByteReader): EntryPlace {
    const table = readU16(reader)
    const kind = this.#kindOf(table)
    const namespace = kind === 'namespaced' ? readOrdered(reader) : undefined
    const keyGroup = readU16(reader)
    let outerKey: unknown = namespace
    if (kind === 'map') {
      readU32(reader)
      outerKey = readKey(reader)
    }
    return { table, keyGroup, outerKey, hash: readU32(reader) | 0 }
  }

  #head(kind: number): Uint8Array {
    return this.#begin(kind).toBytes()
  }

  #epochPrefix(epoch: number): Uint8Array {
    const writer = this.#begin(CHANGES)
    writeU32(writer, epoch)
    return writer.toBytes()
  }

  #begin(kind: number): ByteWriter {
    const writer = this.#writer
    writer.reset()
    writeU32(writer, this.#backend)
    writer.u8(kind)
    return writer
  }

  #beginChange(entryKey: Uint8Array, epoch: number): ByteWriter {
    const writer = this.#begin(CHANGES)
    writeU32(writer, epoch)
    writer.raw(entryKey.subarray(HEAD_BYTES))
    return writer
  }
}

/** The first key behind all that begin with `prefix`, which is not all ones. */
export function endOfPrefix(prefix: Uint8Array): Uint8Array {
  let length = prefix.length
  while (prefix[length - 1] === 0xff) length--
  const end = prefix.slice(0, length)
  end[length - 1] = (end[length - 1] as number) + 1
  return end
}

export function hasPrefix(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.length < prefix.length) return false
  for (let i = prefix.length - 1; i >= 0; i--) if (key[i] !== prefix[i]) return false
  return true
}

/**
 * Where an entry stands among those of its map, as a number in the order of the keys.
 *
 * `keyGroup` counts where it stands behind the prefix of the map.
 */
export function rankOf(table: MapOwner, keyGroup: number, hash: number): number {
  const unsigned = hash >>> 0
  return table.descriptor.kind === 'map' ? unsigned : keyGroup * 2 ** 32 + unsigned
}

/** The rank behind another; infinite behind the last that a map can have. */
export function rankAfter(table: MapOwner, rank: number): number {
  return table.descriptor.kind === 'map' && rank === 2 ** 32 - 1 ? Number.POSITIVE_INFINITY : rank + 1
}

/** The rank that a key says, whose map has a prefix of this length. */
export function rankInKey(key: Uint8Array, prefixLength: number): number {
  let rank = 0
  for (let at = prefixLength; at < key.length; at++) rank = rank * 256 + (key[at] as number)
  return rank
}

function writeU16(writer: ByteWriter, value: number): void {
  writer.u8((value >>> 8) & 0xff)
  writer.u8(value & 0xff)
}

function writeU32(writer: ByteWriter, value: number): void {
  writer.ensure(4)
  writer.view.setUint32(writer.position, value, false)
  writer.position += 4
}

/** A finite number in 8 bytes whose order is that of the numbers. */
function writeOrdered(writer: ByteWriter, value: number): void {
  const at = writer.position
  writer.ensure(8)
  writer.view.setFloat64(at, value, false)
  const high = writer.view.getInt32(at, false)
  writer.view.setInt32(at, high < 0 ? ~high : high ^ 0x80000000, false)
  if (high < 0) writer.view.setInt32(at + 4, ~writer.view.getInt32(at + 4, false), false)
  writer.position = at + 8
}

function readOrdered(reader: ByteReader): number {
  reader.need(8)
  const at = reader.position
  const bits = new DataView(new ArrayBuffer(8))
  const high = reader.view.getInt32(at, false)
  const low = reader.view.getInt32(at + 4, false)
  // The first bit tells what was done to the others.
  bits.setInt32(0, high < 0 ? high ^ 0x80000000 : ~high, false)
  bits.setInt32(4, high < 0 ? low : ~low, false)
  reader.position = at + 8
  return bits.getFloat64(0, false)
}

function readU16(reader: ByteReader): number {
  return (reader.u8() << 8) | reader.u8()
}

function readU32(reader: ByteReader): number {
  reader.need(4)
  const value = reader.view.getUint32(reader.position, false)
  reader.position += 4
  return value
}
