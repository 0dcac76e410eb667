/**
 * From hashes of keys to the numbers of rows, for tables that keep their keys in rows: open addressing with linear
 * probing, hash and row side by side, so that a look-up reads one place and compares a key only where all 32 bits of the
 * hash agree. A part doubles up to `PART_ENTRIES_MAX` and is then split in two, so no insertion ever moves more.
 *
 * Hashes are `hashKey` of the keys; rows are numbers from 0, which the caller may give another name (`move`).
 */

/** Moving so many takes less than a millisecond. */
export const PART_ENTRIES_MAX = 12_288
const SLOTS_MIN = 16
const SLOT_MIX = 0x9e3779b1
const DIRECTORY_MIX = 0x85ebca6b
/** Keys may share a whole hash, and no split parts them: a part that is deeper than this just grows. */
const DEPTH_MAX = 16

/** Who has the keys. */
export interface KeyRows {
  hasKey(row: number, key: unknown): boolean
}

export class HashIndex {
  readonly #rows: KeyRows
  /** By the first bits of the mixed hash; a power of two of them, the same one more than once while it is shallow. */
  #directory: IndexPart[] = [new IndexPart(0)]
  /** Bits to shift the mixed hash by; 32 while there is one part. */
  #shift = 32

  constructor(rows: KeyRows) {
    this.#rows = rows
  }

  get bytes(): number {
    let bytes = 0
    for (const part of new Set(this.#directory)) bytes += part.slots.byteLength
    return bytes
  }

  /** The row of a key, or −1. */
  find(hash: number, key: unknown): number {
    const { slots, shift } = this.#partOf(hash)
    const mask = slots.length - 1
    for (let slot = firstSlot(hash, shift); ; slot = (slot + 2) & mask) {
      const row = (slots[slot + 1] as number) - 1
      if (row < 0 || (slots[slot] === hash && this.#rows.hasKey(row, key))) return row
    }
  }

  /** Adds a key that must not be there. */
  add(hash: number, row: number): void {
    let part = this.#partOf(hash)
    while (part.size >= PART_ENTRIES_MAX && part.depth < DEPTH_MAX) {
      this.#split(part)
      part = this.#partOf(hash)
    }
    part.add(hash, row)
  }

  /** Takes out a row that is in. */
  remove(hash: number, row: number): void {
    this.#partOf(hash).remove(hash, row)
  }

  /** A key that is in has another row from now on. */
  move(hash: number, from: number, to: number): void {
    const part = this.#partOf(hash)
    part.slots[part.slotOf(hash, from) + 1] = to + 1
  }

  clear(): void {
    this.#directory = [new IndexPart(0)]
    this.#shift = 32
  }

  #partOf(hash: number): IndexPart {
    return this.#directory[this.#shift === 32 ? 0 : Math.imul(hash, DIRECTORY_MIX) >>> this.#shift] as IndexPart
  }

  /** Deals the rows of a part out to two by one more bit of the mixed hash; the directory doubles when it must. */
  #split(part: IndexPart): void {
    if (part.depth === 32 - this.#shift) {
      this.#directory = this.#directory.flatMap((each) => [each, each])
      this.#shift--
    }
    const depth = part.depth + 1
    const halves = [new IndexPart(depth), new IndexPart(depth)] as const
    const { slots } = part
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot + 1] === 0) continue
      const hash = slots[slot] as number
      const half = (Math.imul(hash, DIRECTORY_MIX) >>> (32 - depth)) & 1
      halves[half as 0 | 1].add(hash, (slots[slot + 1] as number) - 1)
    }
    const shift = 32 - this.#shift - depth
    this.#directory.forEach((each, at) => {
      if (each === part) this.#directory[at] = halves[((at >>> shift) & 1) as 0 | 1]
    })
  }
}

class IndexPart {
  /** How many bits of the directory lead here. */
  readonly depth: number
  /** Hash and row + 1 of each slot; row + 1 is 0 where there is none. */
  slots = new Int32Array(SLOTS_MIN * 2)
  /** What takes a mixed hash down to the number of a slot. */
  shift = 32 - Math.log2(SLOTS_MIN)
  size = 0

  constructor(depth: number) {
    this.depth = depth
  }

  add(hash: number, row: number): void {
    // Three quarters: probes stay within a cache line or two, and eleven to twenty-one bytes go to an entry.
    if (this.size * 8 >= this.slots.length * 3) this.#grow()
    this.#place(hash, row)
    this.size++
  }

  slotOf(hash: number, row: number): number {
    const { slots } = this
    let slot = firstSlot(hash, this.shift)
    while (slots[slot + 1] !== row + 1) slot = (slot + 2) & (slots.length - 1)
    return slot
  }

  remove(hash: number, row: number): void {
    const { slots } = this
    const mask = slots.length - 1
    let hole = this.slotOf(hash, row)
    // Moves up what would not be found behind a hole any more.
    for (let slot = (hole + 2) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const distance = (slot - firstSlot(slots[slot] as number, this.shift)) & mask
      if (distance < ((slot - hole) & mask)) continue
      slots[hole] = slots[slot] as number
      slots[hole + 1] = slots[slot + 1] as number
      hole = slot
    }
    slots[hole + 1] = 0
    this.size--
  }

  #grow(): void {
    const { slots } = this
    this.slots = new Int32Array(slots.length * 2)
    this.shift--
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot + 1] !== 0) this.#place(slots[slot] as number, (slots[slot + 1] as number) - 1)
    }
  }

  #place(hash: number, row: number): void {
    const { slots } = this
    let slot = firstSlot(hash, this.shift)
    while (slots[slot + 1] !== 0) slot = (slot + 2) & (slots.length - 1)
    slots[slot] = hash
    slots[slot + 1] = row + 1
  }
}

function firstSlot(hash: number, shift: number): number {
  return (Math.imul(hash, SLOT_MIX) >>> shift) << 1
}
