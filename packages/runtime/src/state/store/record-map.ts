/**
 * Where the entries of one map are: from the mixed hash of a key to places. For an entry that is in the cache that is its row
 * there; in the segment store every other entry has one too, its position in the log. Keys are not kept here, so one entry
 * takes the eleven to twenty-one bytes of a place in a `HashIndex`; who looks a hash up compares keys itself.
 */
import { HashIndex, type TableDescriptor } from '@millrace/core'

/** Added to the row of an entry in the cache, to tell it from a position. */
export const CACHED = 2 ** 30
/** Up to so many entries are looked through one by one. */
const SCANNED_MAX = 8
/** Behind the last of the unsigned mixed hashes. */
export const HASHES_END: number = 2 ** 32
/** Instead of an epoch: it has not been taken out. */
const ATTACHED = -1
/** Of a map without entries; never changed. */
const NOTHING: number[] = []

/** The table of a map, as far as the store needs it. */
export interface MapOwner {
  readonly descriptor: TableDescriptor
  /** Number of the table in the store. */
  readonly number: number
  /** Of a value, in refusals. */
  readonly valueName: string
  /** Live entries. */
  entryCount: number
  /** What a record of an entry takes, on average of those written last. */
  recordBytes: number
  /** The inner map of a number, also one that was taken out and is still in a snapshot; for −1 the map of all keys. */
  mapAt(inner: number): RecordMap | undefined
  /** The map of an outer key and group, as the table would use it now; for tables without inner maps the map of all keys. */
  mapFor(outerKey: unknown, keyGroup: number): RecordMap
  /** A map has its first place, and has none any more, deleted ones included. */
  onFirst(map: RecordMap): void
  onEmptied(map: RecordMap): void
  /** All maps with entries, as far as they are known. */
  liveMaps(): Iterable<RecordMap>
  /** Maps that were taken out are in no snapshot any more. */
  onViewClosed(): void
  /** Of a map that was taken out nothing is left in the store. */
  onCleared(map: RecordMap): void
  /** The value as it is in a record, from that of an entry, and back. */
  recordValue(value: unknown): unknown
  loadedValue(value: unknown): unknown
  /** A live entry has a time of writing, and has it no more. */
  noteWritten(writtenAtMs: number | undefined): void
  noteGone(writtenAtMs: number | undefined): void
}

export class RecordMap {
  readonly table: MapOwner
  /** Of an inner map: its number in its table, and the key that it belongs to; −1 for the map of all keys, and for one that is not known. */
  number: number
  readonly outerKey: unknown
  /** Hash of the outer key. */
  readonly outerHash: number
  readonly createdEpoch: number
  /** Entries that are not deleted; right only where `isCounted`. */
  live = 0
  /** All its entries are known by number, so it stays in memory as long as it has any. */
  isCounted = true
  /** In which it was taken out of its table: snapshots that had begun by then still have it. */
  #detachedEpoch = ATTACHED
  /** In namespaced tables: the key groups that have been here. */
  groups: number[] | Uint8Array = []
  /** In an ordered store: what the keys of its entries begin with, once it was needed; whether anything was ever written of it. */
  prefix: Uint8Array | undefined
  isStored = false
  /** Hashes of which an ordered store has nothing, as was seen when it was last asked. */
  absent: Set<number> | undefined
  #size = 0
  /** Hash and place of each entry, as long as they are few. */
  #few: number[] | undefined = NOTHING
  #index: HashIndex | undefined

  constructor(table: MapOwner, number: number, outerKey: unknown, outerHash: number, createdEpoch: number) {
    this.table = table
    this.number = number
    this.outerKey = outerKey
    this.outerHash = outerHash
    this.createdEpoch = createdEpoch
  }

  /** Places, those of deleted entries too. */
  get size(): number {
    return this.#size
  }

  /** Not part of its table any more. */
  get isDetached(): boolean {
    return this.#detachedEpoch !== ATTACHED
  }

  detach(epoch: number): void {
    this.#detachedEpoch = epoch
  }

  /** Whether it was taken out before the snapshot of an epoch began. */
  isGoneIn(epoch: number): boolean {
    return this.#detachedEpoch !== ATTACHED && this.#detachedEpoch <= epoch
  }

  /** Writes the places of a hash to `into`; returns how many there are. */
  placesOf(mixed: number, into: number[]): number {
    let count = 0
    const few = this.#few
    if (few !== undefined) {
      for (let i = 0; i < few.length; i += 2) if (few[i] === mixed) into[count++] = few[i + 1] as number
      return count
    }
    const part = (this.#index as HashIndex).partOf(mixed)
    for (let slot = part.first(mixed); ; slot = part.next(slot)) {
      const place = part.rowAt(slot)
      if (place < 0) return count
      if (part.hashAt(slot) === mixed) into[count++] = place
    }
  }

  add(mixed: number, place: number): void {
    this.#size++
    if (this.#few === undefined) {
      this.#index?.add(mixed, place)
      return
    }
    // Most inner maps keep one entry, and an array that is pushed to begins with room for sixteen more.
    if (this.#size === 1) this.#few = [mixed, place]
    else this.#few.push(mixed, place)
    if (this.#size <= SCANNED_MAX) return
    const index = new HashIndex()
    for (let i = 0; i < this.#few.length; i += 2) index.add(this.#few[i] as number, this.#few[i + 1] as number)
    this.#index = index
    this.#few = undefined
  }

  move(mixed: number, from: number, to: number): void {
    if (this.#few === undefined) this.#index?.move(mixed, from, to)
    else this.#few[this.#at(mixed, from) + 1] = to
  }

  remove(mixed: number, place: number): void {
    this.#size--
    if (this.#few === undefined) this.#index?.remove(mixed, place)
    else this.#few.splice(this.#at(mixed, place), 2)
  }

  /** All places. Nothing may change meanwhile. */
  forEach(visit: (place: number) => void): void {
    const few = this.#few
    if (few !== undefined) {
      for (let i = 1; i < few.length; i += 2) visit(few[i] as number)
      return
    }
    for (const part of new Set((this.#index as HashIndex).directory)) {
      const slots = part.bytes / 4
      for (let slot = 0; slot < slots; slot += 2) {
        const place = part.rowAt(slot)
        if (place >= 0) visit(place)
      }
    }
  }

  clear(): void {
    this.#size = 0
    this.#few = NOTHING
    this.#index = undefined
  }

  /**
   * One piece of a walk in the order of unsigned mixed hashes, which is valid whatever changes: the different hashes from `from` on, up to the
   * number that is returned. The walk begins at 0 and is over at 2³².
   */
  hashesFrom(from: number, into: number[]): number {
    const end = this.someHashesFrom(from, into)
    into.sort(ascending)
    let kept = 0
    for (let i = 0; i < into.length; i++) if (i === 0 || into[i] !== into[i - 1]) into[kept++] = into[i] as number
    into.length = kept
    return end
  }

  /** The same, in any order, and some more than once. */
  someHashesFrom(from: number, into: number[]): number {
    into.length = 0
    let end = HASHES_END
    const take = (mixed: number): void => {
      if (mixed >>> 0 >= from) into.push(mixed >>> 0)
    }
    if (this.#few !== undefined) {
      for (let i = 0; i < this.#few.length; i += 2) take(this.#few[i] as number)
    } else {
      const part = (this.#index as HashIndex).partOf(from | 0)
      const width = 2 ** (32 - part.depth)
      end = Math.floor(from / width) * width + width
      const slots = part.bytes / 4
      for (let slot = 0; slot < slots; slot += 2) if (part.rowAt(slot) >= 0) take(part.hashAt(slot))
    }
    return end
  }

  #at(mixed: number, place: number): number {
    const few = this.#few as number[]
    let at = 0
    while (few[at] !== mixed || few[at + 1] !== place) at += 2
    return at
  }
}

function ascending(a: number, b: number): number {
  return a - b
}
