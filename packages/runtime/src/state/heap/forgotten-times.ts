/**
 * Takes the times of entries in maps that were removed from what their tables count: of a small map at once, of a large one bit by bit.
 * Nothing changes in such a map any more.
 */
import type { WrittenTimes } from '@millrace/core'
import type { EntryMap } from './entry-map.ts'

/** Rows of a map of which nothing is left. */
const ROWS_AT_ONCE = 1_024
const ROWS_TOGETHER = 256

interface Leftover {
  readonly map: EntryMap
  readonly times: WrittenTimes
  part: number
  at: number
}

export class ForgottenTimes {
  readonly #leftovers: Leftover[] = []

  get isDone(): boolean {
    return this.#leftovers.length === 0
  }

  add(map: EntryMap, times: WrittenTimes): void {
    const one = { map, times, part: 0, at: 0 }
    this.#leftovers.push(one)
    if (map.live + map.deleted <= ROWS_AT_ONCE) while (!this.#takeSome(one));
  }

  /** Goes on with what is left for about so many rows; returns how many of them are left, at most 0 when it is not done. */
  step(rows: number): number {
    let left = rows
    for (let one = this.#leftovers.at(-1); one !== undefined && left > 0; one = this.#leftovers.at(-1)) {
      this.#takeSome(one)
      left -= ROWS_TOGETHER
    }
    return this.isDone ? left : Math.min(left, 0)
  }

  close(): void {
    this.#leftovers.length = 0
  }

  /** True when nothing is left of the map, which is the last of them. */
  #takeSome(one: Leftover): boolean {
    const rows = one.map.parts[one.part]
    const end = Math.min(one.at + ROWS_TOGETHER, rows?.size ?? 0)
    for (; one.at < end; one.at++) if (rows?.isLive(one.at) === true) one.times.remove(rows.writtenAtMs(one.at))
    if (one.at < (rows?.size ?? 0)) return false
    one.part++
    one.at = 0
    if (one.part < one.map.parts.length) return false
    this.#leftovers.pop()
    return true
  }
}
