/**
 * From hashes of keys to rows, for all tables that keep their keys in rows: state on the heap, running windows, combiners.
 * Who has the rows walks the places of a hash itself, so that the comparison of keys is its own and stays inlined:
 *
 *     const mixed = mixHash(hash)
 *     const part = index.partOf(mixed)
 *     for (let slot = part.first(mixed); ; slot = part.next(slot)) {
 *       const row = part.rowAt(slot)
 *       if (row < 0 || (part.hashAt(slot) === mixed && isRowOfKey(row))) return row
 *     }
 *
 * A part is open addressing with linear probing in one typed array, hash and row side by side, so a look-up reads one
 * place and compares a key only where all 32 bits of the hash agree. It doubles up to `PART_ENTRIES_MAX` and is then split
 * in two, so no insertion ever moves more. Parts are chosen by the first bits of the mixed hash, a place by those that
 * follow, so growing and splitting read and write in the order of the places (decision 0041).
 *
 * Rows are numbers from 0, which the caller may give another name (`move`).
 */
import type { SpareBuffers } from './spare-buffers.ts'

/** Moving so many takes less than a millisecond. */
export const PART_ENTRIES_MAX = 12_288
const SLOTS_MIN = 16
/** Three quarters are used: probes stay within a cache line or two, and eleven to twenty-one bytes go to an entry. */
const ENTRIES_OF_SLOTS = 3
const SLOTS_OF_ENTRIES = 4
/** Odd: what was different stays different. */
const HASH_MIX = 0x9e3779b1
/** Keys may share a whole hash, and no split parts them: a part that is deeper than this just grows. */
const DEPTH_MAX = 16

/** From the hash of a key, whose last bits its key group is made of, to one whose first bits can be used. */
export function mixHash(hash: number): number {
  return Math.imul(hash, HASH_MIX)
}

/** The part of an index that a mixed hash leads to. Loops over many hashes read directory and shift once. */
export function partIn(directory: readonly IndexPart[], shift: number, mixed: number): IndexPart {
  // Two steps, since shifting by 32 does nothing.
  return directory[(mixed >>> 1) >>> (shift - 1)] as IndexPart
}

export class HashIndex {
  /** By the first bits of the mixed hash; a power of two of them, the same one more than once while it is shallow. */
  directory: readonly IndexPart[]
  /** Bits to shift the mixed hash by; 32 while there is one part. */
  shift = 32
  readonly #buffers: SpareBuffers | undefined

  /**
   * `expectedEntries`: room for so many at once, at most for those of one part. `buffers`: where memory comes from, and where it goes when
   * it is given back.
   */
  constructor(expectedEntries = 0, buffers?: SpareBuffers) {
    this.#buffers = buffers
    this.directory = [new IndexPart(0, slotsFor(Math.min(expectedEntries, PART_ENTRIES_MAX)), buffers)]
  }

  get bytes(): number {
    let bytes = 0
    for (const part of new Set(this.directory)) bytes += part.bytes
    return bytes
  }

  /** The part that a key's row is in, if it is in. */
  partOf(mixed: number): IndexPart {
    return partIn(this.directory, this.shift, mixed)
  }

  /** Adds the row of a key that must not be there. */
  add(mixed: number, row: number): void {
    let part = this.partOf(mixed)
    while (part.isFull && part.depth < DEPTH_MAX) {
      this.#split(part)
      part = this.partOf(mixed)
    }
    part.add(mixed, row)
  }

  /** Takes out a row that is in. */
  remove(mixed: number, row: number): void {
    this.partOf(mixed).remove(mixed, row)
  }

  /** A key that is in has another row from now on. */
  move(mixed: number, from: number, to: number): void {
    this.partOf(mixed).move(mixed, from, to)
  }

  clear(): void {
    this.directory = [new IndexPart(0, SLOTS_MIN, this.#buffers)]
    this.shift = 32
  }

  /** Gives its memory back; it is not used any more. */
  release(): void {
    for (const part of new Set(this.directory)) part.release()
  }

  /** Deals the rows of a part out to two by one more bit of the mixed hash; the directory doubles when it must. */
  #split(part: IndexPart): void {
    if (part.depth === 32 - this.shift) {
      this.directory = this.directory.flatMap((each) => [each, each])
      this.shift--
    }
    const halves = part.split()
    const shift = 32 - this.shift - (part.depth + 1)
    this.directory = this.directory.map((each, at) => (each === part ? halves[((at >>> shift) & 1) as 0 | 1] : each))
  }
}

export class IndexPart {
  /** How many bits of the directory lead here. */
  readonly depth: number
  /** Hash and row + 1 of each slot; row + 1 is 0 where there is none. */
  #slots: Int32Array<ArrayBuffer>
  #shift: number
  #size = 0
  readonly #buffers: SpareBuffers | undefined

  constructor(depth: number, slotCount: number, buffers: SpareBuffers | undefined) {
    this.depth = depth
    this.#buffers = buffers
    this.#slots = newSlots(slotCount, buffers)
    this.#shift = 32 - Math.log2(slotCount)
  }

  get bytes(): number {
    return this.#slots.byteLength
  }

  get isFull(): boolean {
    return this.#size >= PART_ENTRIES_MAX
  }

  /** The place to begin a look-up with a mixed hash; go on with `next`. */
  first(mixed: number): number {
    return ((mixed << this.depth) >>> this.#shift) * 2
  }

  next(slot: number): number {
    return (slot + 2) & (this.#slots.length - 1)
  }

  hashAt(slot: number): number {
    return this.#slots[slot] as number
  }

  /** The row, or −1 where the look-up ends. */
  rowAt(slot: number): number {
    return (this.#slots[slot + 1] as number) - 1
  }

  add(mixed: number, row: number): void {
    if (this.#size * SLOTS_OF_ENTRIES >= (this.#slots.length / 2) * ENTRIES_OF_SLOTS) this.#grow()
    this.#place(mixed, row)
    this.#size++
  }

  move(mixed: number, from: number, to: number): void {
    this.#slots[this.#slotOf(mixed, from) + 1] = to + 1
  }

  remove(mixed: number, row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let hole = this.#slotOf(mixed, row)
    // Moves up what would not be found behind a hole any more.
    for (let slot = (hole + 2) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const distance = (slot - this.first(slots[slot] as number)) & mask
      if (distance < ((slot - hole) & mask)) continue
      slots[hole] = slots[slot] as number
      slots[hole + 1] = slots[slot + 1] as number
      hole = slot
    }
    slots[hole + 1] = 0
    this.#size--
  }

  /** Deals its rows out to two by the next bit of their hashes: those with 0, those with 1. */
  split(): [IndexPart, IndexPart] {
    const slots = this.#slots
    const { depth } = this
    const zeros = new IndexPart(depth + 1, slots.length / 2, this.#buffers)
    const ones = new IndexPart(depth + 1, slots.length / 2, this.#buffers)
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot + 1] === 0) continue
      const mixed = slots[slot] as number
      const half = mixed << depth < 0 ? ones : zeros
      half.#place(mixed, (slots[slot + 1] as number) - 1)
      half.#size++
    }
    this.release()
    return [zeros, ones]
  }

  /** Gives its memory back; it is not used any more. */
  release(): void {
    this.#buffers?.give(this.#slots.buffer)
    this.#slots = NO_SLOTS
  }

  #slotOf(mixed: number, row: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = this.first(mixed)
    while (slots[slot + 1] !== row + 1) slot = (slot + 2) & mask
    return slot
  }

  #grow(): void {
    const slots = this.#slots
    this.#slots = newSlots(slots.length, this.#buffers)
    this.#shift--
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot + 1] !== 0) this.#place(slots[slot] as number, (slots[slot + 1] as number) - 1)
    }
    this.#buffers?.give(slots.buffer)
  }

  #place(mixed: number, row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = this.first(mixed)
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask
    slots[slot] = mixed
    slots[slot + 1] = row + 1
  }
}

const NO_SLOTS = new Int32Array(0)

/** Of which none is taken. */
function newSlots(slotCount: number, buffers: SpareBuffers | undefined): Int32Array<ArrayBuffer> {
  const words = slotCount * 2
  if (buffers === undefined) return new Int32Array(words)
  return new Int32Array(buffers.takeZeroed(words * Int32Array.BYTES_PER_ELEMENT))
}

/** So many that these entries never make them grow; a power of two. */
function slotsFor(entries: number): number {
  let slots = SLOTS_MIN
  while (entries * SLOTS_OF_ENTRIES > slots * ENTRIES_OF_SLOTS) slots *= 2
  return slots
}
