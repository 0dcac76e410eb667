/**
 * The map under every heap table: entries by key. An entry is a row (a number, for life) of one of the map's
 * `EntryRows`; a `HashIndex` leads from the hash of a key to its row. Both grow a bounded step at a time, so that no
 * insertion ever stops the thread to move the whole (one rehash of a JavaScript map at two million entries takes a third
 * of a second, and none takes more than 2²⁴ entries). Hashes are `hashEntryKey` of the keys, where the table does not know better.
 *
 * Entries carry the epochs that tell a snapshot what has changed; `change-tracker.ts` keeps them.
 *
 * Walks stay valid under every change: what was there at the beginning of a walk and is not deleted is met exactly
 * once; what is added meanwhile may be met or not. A walk ends when the map has left its table.
 */
import { HashIndex, hashNumbers, mixHash, NumbersAt, partIn, type TableDescriptor } from '@millrace/core'
import { hashEntryKey } from '../entry-hash.ts'
import { EntryRows, type ExpectedRoom, ROWS_MAX } from './entry-rows.ts'

/** The table that a map belongs to, as far as those who walk the map need it. */
export interface EntryMapOwner {
  readonly descriptor: TableDescriptor
  /** The value as it is stored, from that of an entry. */
  storedValue(value: unknown): unknown
  addressOf(map: EntryMap, row: number): { readonly key: unknown; readonly sub: unknown }
  /** By which its maps know an entry, where that is not `hashEntryKey` of the key. */
  readonly hashOfRow: ((part: EntryRows, at: number) => number) | undefined
  elementTimesMs(value: unknown): readonly number[] | undefined
  isLeftOut(value: unknown, writtenAtMs: number, nowMs: number): boolean
  /** Takes an entry out for good: it was deleted, and no snapshot needs to say so any more. */
  purge(map: EntryMap, row: number): void
}

/** Where an inner map hangs, in map and namespaced tables: the entry of the outer map that holds it. */
export interface ParentEntry {
  readonly map: EntryMap
  readonly row: number
  /** Its key, as long as this map lives. */
  readonly key: unknown
}

const ROW_BITS = Math.log2(ROWS_MAX)
const ROW_MASK = ROWS_MAX - 1
/** The entries of smaller maps are in the processor's caches by themselves. */
export const TOUCHED_ENTRIES_MIN = 16_384
/** Up to so many entries are looked through one by one. */
const SCANNED_MAX = 8

export class EntryMap {
  readonly table: EntryMapOwner
  readonly parent: ParentEntry | undefined
  readonly createdEpoch: number
  /** Entries that are not deleted. */
  live = 0
  /** Deleted ones that are still kept. */
  deleted = 0
  /** Not part of its table any more. */
  detached = false
  /** In namespaced tables: which key groups of the range have been here; made when there are many entries. */
  groupsSeen: Uint8Array | undefined
  /** `undefined` where all entries of the part were taken out. */
  readonly parts: (EntryRows | undefined)[] = []
  /** The part that takes new entries. */
  #open: number
  /** Parts that have got room again. */
  readonly #withRoom: number[] = []
  /** Made when there are more entries than are looked through. */
  #index: HashIndex | undefined
  readonly #room: ExpectedRoom | undefined

  constructor(table: EntryMapOwner, parent: ParentEntry | undefined, epoch: number, room?: ExpectedRoom) {
    this.table = table
    this.parent = parent
    this.createdEpoch = epoch
    this.#room = room
    this.parts.push(new EntryRows(epoch, room))
    this.#open = 0
  }

  /** The row of an entry, also when it is deleted, or −1. */
  find(hash: number, key: unknown): number {
    if (this.#index === undefined) return this.#scan(hash, key)
    const mixed = mixHash(hash)
    const places = this.#index.partOf(mixed)
    for (let slot = places.first(mixed); ; slot = places.next(slot)) {
      const row = places.rowAt(slot)
      if (row < 0) return -1
      if (places.hashAt(slot) === mixed && this.partOf(row).hasKey(row & ROW_MASK, key)) return row
    }
  }

  /**
   * Reads what `find` will read for these hashes, in short loops: so the processor waits for many of them at once, where
   * each look-up by itself would wait for its own. Returns something of all that was read; nobody needs it, but what
   * nobody could need would not be read.
   */
  touch(hashes: readonly number[], from: number, to: number): number {
    const index = this.#index
    if (index === undefined || this.live < TOUCHED_ENTRIES_MIN) return 0
    const { directory, shift } = index
    let read = 0
    for (let i = from; i < to; i++) {
      const mixed = mixHash(hashes[i] as number)
      const places = partIn(directory, shift, mixed)
      read ^= places.hashAt(places.first(mixed))
    }
    // A loop of its own: a wrong guess at the end of a search must not wait for memory.
    for (let i = from; i < to; i++) {
      const mixed = mixHash(hashes[i] as number)
      const places = partIn(directory, shift, mixed)
      let slot = places.first(mixed)
      while (places.hashAt(slot) !== mixed && places.rowAt(slot) >= 0) slot = places.next(slot)
      const row = places.rowAt(slot)
      if (row >= 0) read ^= this.partOf(row).touch(row & ROW_MASK)
    }
    return read
  }

  /** Adds an entry that must not be there; the key is kept in canonical form, apart from the record that it came from. */
  insert(hash: number, key: unknown, keyGroup: number, value: unknown, epoch: number): number {
    const part = this.#partWithRoom(epoch)
    const row = (this.#open << ROW_BITS) | part.insert(key, keyGroup, value, epoch)
    this.live++
    if (this.#index !== undefined) this.#index.add(mixHash(hash), row)
    else if (this.live + this.deleted > SCANNED_MAX) this.#buildIndex()
    return row
  }

  /** Whether there is an entry in a row that was one, or −1; its part may be gone. */
  isLive(row: number): boolean {
    return row >= 0 && this.parts[row >>> ROW_BITS]?.isLive(row & ROW_MASK) === true
  }

  /** The part that a row is in; there it is at `atOf(row)`. */
  partOf(row: number): EntryRows {
    return this.parts[row >>> ROW_BITS] as EntryRows
  }

  key(row: number): unknown {
    return this.partOf(row).key(row & ROW_MASK)
  }

  value(row: number): unknown {
    return this.partOf(row).value(row & ROW_MASK)
  }

  setValue(row: number, value: unknown): void {
    this.partOf(row).setValue(row & ROW_MASK, value)
  }

  /** Marks an entry as deleted and keeps it as a tombstone. */
  bury(row: number): void {
    this.partOf(row).bury(row & ROW_MASK)
    this.live--
    this.#countDeleted(row, 1)
  }

  /** Gives a deleted entry a value again. */
  revive(row: number, value: unknown): void {
    this.partOf(row).revive(row & ROW_MASK, value)
    this.live++
    this.#countDeleted(row, -1)
  }

  /** Takes an entry out for good. */
  erase(row: number): void {
    const part = this.partOf(row)
    const at = row & ROW_MASK
    if (part.isLive(at)) this.live--
    else this.#countDeleted(row, -1)
    this.#index?.remove(mixHash(this.#hashOf(part, at)), row)
    part.free(at)
    this.#onFreed(row >>> ROW_BITS, part)
  }

  /** Gives its memory back, where it has left its table and no snapshot needs it. Nothing is in it any more. */
  release(): void {
    for (const part of this.parts) part?.release()
    this.parts.length = 0
    this.#index?.release()
    this.#index = undefined
  }

  /** All entries, deleted ones too. */
  walk(): EntryWalk {
    return new EntryWalk(this)
  }

  #scan(hash: number, key: unknown): number {
    const part = this.parts[0] as EntryRows
    for (let at = 0; at < part.size; at++) {
      if (part.isFree(at) || !part.hasKey(at, key)) continue
      if (key !== null || hashEntryKey(key, part.keyGroup(at)) === hash) return at
    }
    return -1
  }

  #countDeleted(row: number, change: number): void {
    this.partOf(row).deleted += change
    this.deleted += change
    const { parent } = this
    if (parent !== undefined && !this.detached) parent.map.partOf(parent.row).deleted += change
  }

  #partWithRoom(epoch: number): EntryRows {
    for (;;) {
      const part = this.parts[this.#open]
      if (part?.hasRoom === true) return part
      if (part === undefined) {
        const created = new EntryRows(epoch, this.#room, this.#open * ROWS_MAX)
        this.parts[this.#open] = created
        return created
      }
      const listed = this.#withRoom.pop()
      this.#open = listed ?? this.parts.length
      const next = this.parts[this.#open]
      if (next !== undefined) next.isListed = false
    }
  }

  #onFreed(number: number, part: EntryRows): void {
    if (part.used === 0 && this.parts.length > 1) {
      this.parts[number] = undefined
      if (!part.isListed && number !== this.#open) this.#withRoom.push(number)
    } else if (!part.isListed && number !== this.#open) {
      part.isListed = true
      this.#withRoom.push(number)
    }
  }

  #hashOf(part: EntryRows, at: number): number {
    const own = this.table.hashOfRow
    return own === undefined ? hashOfRow(part, at) : own(part, at)
  }

  #buildIndex(): void {
    const index = new HashIndex(this.#room?.entries, this.#room?.buffers)
    for (const [number, part] of this.parts.entries()) {
      if (part === undefined) continue
      for (let at = 0; at < part.size; at++) {
        if (part.isFree(at)) continue
        index.add(mixHash(this.#hashOf(part, at)), (number << ROW_BITS) | at)
      }
    }
    this.#index = index
  }
}

/** `hashEntryKey` of the entry in a row. */
function hashOfRow(part: EntryRows, at: number): number {
  const key = part.keyInPlace(at)
  return key instanceof NumbersAt ? hashNumbers(key) : hashEntryKey(key, part.keyGroup(at))
}

/** A resumable walk: `next` until −1. */
export class EntryWalk {
  readonly #map: EntryMap
  #part = 0
  #at = 0

  constructor(map: EntryMap) {
    this.#map = map
  }

  next(): number {
    const { parts, detached } = this.#map
    if (detached) return -1
    while (this.#part < parts.length) {
      const part = parts[this.#part]
      while (part !== undefined && this.#at < part.size) {
        const at = this.#at++
        if (!part.isFree(at)) return (this.#part << ROW_BITS) | at
      }
      this.#part++
      this.#at = 0
    }
    return -1
  }
}

/** Where in its part a row is. */
export function atOf(row: number): number {
  return row & ROW_MASK
}
