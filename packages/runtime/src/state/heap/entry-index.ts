/**
 * From hashes to rows: open addressing with linear probing in one typed array, hash and row side by side, so that a
 * look-up reads one place and compares a key only where all 32 bits of the hash agree. It grows by doubling up to
 * `INDEX_ENTRIES_MAX`; a larger map has several, chosen by the first bits of the hash (`EntryMap`), and one that is full
 * is split in two. So no insertion ever moves more than these. A place is chosen by the bits that follow, so growing and
 * splitting read and write in the order of the places.
 *
 * Hashes are mixed ones: their first bits must differ where keys differ (`mixHash`).
 */

/** Moving so many takes less than a millisecond. */
export const INDEX_ENTRIES_MAX = 12_288
const SLOTS_MIN = 16
/** Odd: what was different stays different. */
const HASH_MIX = 0x9e3779b1

export class EntryIndex {
  /** How many bits of the directory lead here. */
  readonly depth: number
  /** Hash and row + 1 of each slot; row + 1 is 0 where there is none. */
  #slots: Int32Array
  #shift: number
  #size = 0

  constructor(depth: number, slotCount = SLOTS_MIN) {
    this.depth = depth
    this.#slots = new Int32Array(slotCount * 2)
    this.#shift = 32 - Math.log2(slotCount)
  }

  get isFull(): boolean {
    return this.#size >= INDEX_ENTRIES_MAX
  }

  /** The place to begin a look-up with `hash`; go on with `next`. */
  first(hash: number): number {
    return ((hash << this.depth) >>> this.#shift) * 2
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

  add(hash: number, row: number): void {
    // Three quarters: probes stay within a cache line or two, and eleven to twenty-one bytes go to an entry.
    if (this.#size * 8 >= this.#slots.length * 3) this.#grow()
    this.#place(hash, row)
    this.#size++
  }

  /** Takes a row out that is in. */
  remove(hash: number, row: number): void {
    const slots = this.#slots
    let hole = this.first(hash)
    while (slots[hole + 1] !== row + 1) hole = this.next(hole)
    // Moves up what would not be found behind a hole any more.
    for (let slot = this.next(hole); slots[slot + 1] !== 0; slot = this.next(slot)) {
      const wanted = this.first(slots[slot] as number)
      const distance = (slot - wanted) & (slots.length - 1)
      if (distance < ((slot - hole) & (slots.length - 1))) continue
      slots[hole] = slots[slot] as number
      slots[hole + 1] = slots[slot + 1] as number
      hole = slot
    }
    slots[hole + 1] = 0
    this.#size--
  }

  /** Deals its rows out to two by the next bit of their hashes: those with 0, those with 1. */
  split(): [EntryIndex, EntryIndex] {
    const slots = this.#slots
    const { depth } = this
    const zeros = new EntryIndex(depth + 1, slots.length / 2)
    const ones = new EntryIndex(depth + 1, slots.length / 2)
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot + 1] === 0) continue
      const hash = slots[slot] as number
      const half = hash << depth < 0 ? ones : zeros
      half.#place(hash, (slots[slot + 1] as number) - 1)
      half.#size++
    }
    return [zeros, ones]
  }

  #grow(): void {
    const slots = this.#slots
    this.#slots = new Int32Array(slots.length * 2)
    this.#shift--
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot + 1] !== 0) this.#place(slots[slot] as number, (slots[slot + 1] as number) - 1)
    }
  }

  #place(hash: number, row: number): void {
    const slots = this.#slots
    let slot = this.first(hash)
    while (slots[slot + 1] !== 0) slot = this.next(slot)
    slots[slot] = hash
    slots[slot + 1] = row + 1
  }
}

/** From the hash of a key, whose last bits its key group is made of, to one whose first bits can be used. */
export function mixHash(hash: number): number {
  return Math.imul(hash, HASH_MIX)
}
