/**
 * Which rows of a part may have changed, so that a delta looks at these alone. For every 32 rows there are two words side by side:
 * the epoch of the last change of one of them, and a bit for each that may have changed.
 *
 * Invariant: a row has its bit if no completed snapshot holds it as it is, or if a deletion is kept in it. Others may have theirs
 * too: whoever looks at a row decides by the row's own epoch, and takes the bit back when nothing is to be said of it.
 */

const BLOCK_BITS = 5
export const BLOCK_ROWS: number = 1 << BLOCK_BITS
const BLOCK_WORDS = 2
/** Instead of an epoch: every change still counts. */
export const NOTHING_SETTLED = -1

export class ChangedRows {
  #words: Int32Array

  /** For so many rows, a multiple of `BLOCK_ROWS`. Of those below `used` each may have changed, the last one at `epoch`. */
  constructor(rows: number, used: number, epoch: number) {
    this.#words = new Int32Array(wordsFor(rows))
    for (let at = 0; at < used; at++) this.note(at, epoch, NOTHING_SETTLED)
  }

  grow(rows: number): void {
    const words = new Int32Array(wordsFor(rows))
    words.set(this.#words)
    this.#words = words
  }

  /** A row changes. `settledEpoch`: nobody asks any more for changes up to it (`ChangeTracker.settledEpoch`). */
  note(at: number, epoch: number, settledEpoch: number): void {
    const words = this.#words
    const block = (at >> BLOCK_BITS) * BLOCK_WORDS
    const newest = words[block] as number
    if (newest < epoch) {
      if (newest <= settledEpoch) words[block + 1] = 0
      words[block] = epoch
    }
    // Shifts count modulo 32.
    words[block + 1] = (words[block + 1] as number) | (1 << at)
  }

  /** Nothing is to be said of a row. */
  forget(at: number): void {
    const word = (at >> BLOCK_BITS) * BLOCK_WORDS + 1
    this.#words[word] = (this.#words[word] as number) & ~(1 << at)
  }

  /** Rows that may have changed after `epoch`, ascending; with `isOlderToo` all that have their bit. */
  rowsAfter(epoch: number, isOlderToo: boolean): readonly number[] {
    const words = this.#words
    const rows: number[] = []
    for (let block = 0; block < words.length; block += BLOCK_WORDS) {
      if ((words[block] as number) <= epoch && !isOlderToo) continue
      const first = (block / BLOCK_WORDS) * BLOCK_ROWS
      for (let bits = words[block + 1] as number; bits !== 0; bits &= bits - 1) {
        rows.push(first + BLOCK_ROWS - 1 - Math.clz32(bits & -bits))
      }
    }
    return rows
  }
}

function wordsFor(rows: number): number {
  return (rows / BLOCK_ROWS) * BLOCK_WORDS
}
