/**
 * The entries that are in memory, in rows, within a budget of bytes. Which one leaves when there are too many: the hand
 * of a clock passes over the rows and takes an entry that was not used since it came by last. Entries with changes that
 * the store does not have yet are passed over; `EntryStore` sees to it that they are never the most.
 */
import type { RecordMap } from './record-map.ts'

/** One entry, as long as it is in the cache. Stores add what they need to find it again. */
export interface Entry {
  readonly map: RecordMap
  /** Mixed. */
  readonly hash: number
  /** In inner maps of map tables the user key. */
  readonly key: unknown
  readonly keyGroup: number
  /** In the form of its table. */
  value: unknown
  /** Not deleted. */
  isLive: boolean
  /** The store does not have it as it is. */
  isDirty: boolean
  /** The epoch in which it was created, as far as that can still be the current one; else −1. */
  freshEpoch: number
  /** Wall clock, epoch ms; `undefined` where the table has no time to live, or had none when it was written. */
  writtenAtMs: number | undefined
  /** Estimate of what it takes in memory, and of what its key does of that. */
  bytes: number
  readonly keyBytes: number
  /** Row in the cache; −1 when it has left. */
  row: number
}

/** An entry by itself, its place in the index and in the cache. */
export const ENTRY_BYTES = 192

/** Used since the hand of the clock came by. */
const USED = 1
/** There is no entry in the row, or one with changes. */
const KEPT = 2
/** Read for a look-up that is still to come. */
const AHEAD = 4
/** In use by whoever makes room. */
const HELD = 8

export class EntryCache {
  readonly #rows: (Entry | undefined)[] = []
  /** By row: `USED`, `KEPT`, `AHEAD`, `HELD`. Apart from the entries, so that the hand of the clock reads next to nothing. */
  #marks = new Uint8Array(1_024)
  readonly #free: number[] = []
  #hand = 0
  bytes = 0
  /** Of entries with changes. */
  dirtyBytes = 0
  dirtyEntries = 0
  entries = 0

  at(row: number): Entry {
    return this.#rows[row] as Entry
  }

  /** Gives an entry a row. */
  admit(entry: Entry): void {
    const row = this.#free.pop() ?? this.#rows.length
    entry.row = row
    this.#rows[row] = entry
    if (row === this.#marks.length) this.#grow()
    this.#marks[row] = USED
    this.bytes += entry.bytes
    this.entries++
  }

  release(entry: Entry): void {
    this.#rows[entry.row] = undefined
    this.#marks[entry.row] = KEPT
    this.#free.push(entry.row)
    entry.row = -1
    this.bytes -= entry.bytes
    if (entry.isDirty) {
      this.dirtyBytes -= entry.bytes
      this.dirtyEntries--
    }
    this.entries--
  }

  /** The entry has another size. */
  resize(entry: Entry, bytes: number): void {
    const change = bytes - entry.bytes
    entry.bytes = bytes
    this.bytes += change
    if (entry.isDirty) this.dirtyBytes += change
  }

  markUsed(entry: Entry): void {
    this.#marks[entry.row] = (this.#marks[entry.row] as number) | USED
  }

  setAhead(entry: Entry): void {
    this.#marks[entry.row] = (this.#marks[entry.row] as number) | AHEAD
  }

  /** A look-up has found the entry. False: it was read ahead for this one. */
  noteFound(entry: Entry): boolean {
    const mark = this.#marks[entry.row] as number
    this.#marks[entry.row] = (mark & ~AHEAD) | USED
    return (mark & AHEAD) === 0
  }

  /** It is no victim until `letGo`. */
  hold(entry: Entry): void {
    this.#marks[entry.row] = (this.#marks[entry.row] as number) | HELD
  }

  /** Also when the entry has left otherwise. */
  letGo(entry: Entry): void {
    if (entry.row >= 0) this.#marks[entry.row] = (this.#marks[entry.row] as number) & ~HELD
  }

  setDirty(entry: Entry, isDirty: boolean): void {
    entry.isDirty = isDirty
    const mark = this.#marks[entry.row] as number
    this.#marks[entry.row] = isDirty ? mark | KEPT : mark & ~KEPT
    this.dirtyBytes += isDirty ? entry.bytes : -entry.bytes
    this.dirtyEntries += isDirty ? 1 : -1
  }

  /** The next entry that may leave, or `undefined` when two rounds have found none. */
  nextVictim(): Entry | undefined {
    const rows = this.#rows
    const marks = this.#marks
    for (let left = rows.length * 2; left > 0; left--) {
      if (this.#hand >= rows.length) this.#hand = 0
      const row = this.#hand++
      const mark = marks[row] as number
      if ((mark & ~AHEAD) === 0) return rows[row]
      marks[row] = mark & ~USED
    }
    return undefined
  }

  clear(): void {
    this.#rows.length = 0
    this.#free.length = 0
    this.bytes = 0
    this.dirtyBytes = 0
    this.dirtyEntries = 0
    this.entries = 0
  }

  #grow(): void {
    const marks = new Uint8Array(this.#marks.length * 2)
    marks.set(this.#marks)
    this.#marks = marks
  }
}
