/**
 * Entries with changes, in the order in which they became so, until they are written. One that has gone without trace meanwhile is
 * passed over.
 *
 * Invariant: the list is about twice as long as there are such entries at most, however many come and go between two writings.
 */
import type { Entry } from './entry-cache.ts'

/** So many that have gone may be in it whatever the others are. */
const GONE_MAX = 1_024

export class ChangedEntries {
  #entries: Entry[] = []
  /** Those before it have been written; those from there to `#taken` are being so. */
  #from = 0
  #taken = 0

  /** Those included that have gone. */
  get size(): number {
    return this.#entries.length - this.#from
  }

  /** An entry has changes, and had none before. `changed`: how many have some now. */
  add(entry: Entry, changed: number): void {
    this.#entries.push(entry)
    if (this.size > changed * 2 + GONE_MAX) this.#leaveOutGone()
  }

  /** The next one, those first that changed first. */
  take(): Entry | undefined {
    const entries = this.#entries
    while (this.#taken < entries.length) {
      const entry = entries[this.#taken++] as Entry
      if (entry.isDirty) return entry
    }
    return undefined
  }

  /** What was taken is written. */
  onWritten(): void {
    const entries = this.#entries
    this.#from = this.#taken
    if (this.#from * 2 < entries.length) return
    this.#entries = entries.slice(this.#from)
    this.#from = 0
    this.#taken = 0
  }

  /** What was taken could not be written, and is taken once more. */
  onFailed(): void {
    this.#taken = this.#from
  }

  clear(): void {
    this.#entries = []
    this.#from = 0
    this.#taken = 0
  }

  #leaveOutGone(): void {
    const from = this.#from
    this.#entries = this.#entries.filter(({ isDirty }, index) => index >= from && isDirty)
    this.#from = 0
    this.#taken = 0
  }
}
