/**
 * Removes the entries of a map from an ordered store: many as one range, which later reads have to pass, few key by key. Those that
 * nobody has counted are counted; what is beyond the first of them bit by bit, from how the store was when they were removed.
 */
import type { MapOwner } from '../store/record-map.ts'
import type { BucketReader } from './buckets.ts'
import { endOfPrefix } from './key-layout.ts'
import type { OrderedBatch, OrderedScan, OrderedStore } from './ordered-store.ts'

/** So many and more are a range. */
const RANGE_ENTRIES_MIN = 1_024
const SCAN_ROWS = 256
/** A key and its bucket pass from the store to here. */
const ROW_UNITS = 4

/** Removed, and not counted yet. */
interface Leftover {
  readonly table: MapOwner
  readonly scan: OrderedScan
}

export class MapRemoval {
  readonly #database: OrderedStore
  readonly #buckets: BucketReader
  readonly #batch: OrderedBatch
  readonly #leftovers: Leftover[] = []

  constructor(database: OrderedStore, buckets: BucketReader) {
    this.#database = database
    this.#buckets = buckets
    this.#batch = database.batch()
  }

  get isDone(): boolean {
    return this.#leftovers.length === 0
  }

  /** Removes all keys that begin with `prefix`, which are so many entries as somebody has counted. Throws `DISK_FAILED`. */
  remove(prefix: Uint8Array, entries: number): void {
    if (entries >= RANGE_ENTRIES_MIN) this.#database.removeRange(prefix, endOfPrefix(prefix))
    else this.#removeFirst(prefix, () => {})?.close()
  }

  /**
   * The same, and takes them from what the table counts. True when a snapshot may know one of them: what was created after `knownEpoch` none
   * does.
   */
  removeUncounted(prefix: Uint8Array, table: MapOwner, knownEpoch: number): boolean {
    let areKnown = false
    const scan = this.#removeFirst(prefix, (bucket) => {
      this.#buckets.forEachRecord(bucket, ({ record }) => {
        table.entryCount--
        table.noteGone(record.writtenAtMs)
        areKnown ||= !record.isFresh || record.epoch <= knownEpoch
      })
    })
    if (scan === undefined) return areKnown
    this.#leftovers.push({ table, scan })
    // There are too many to look at all of them.
    return true
  }

  /** Goes on with what is to be counted, for about so many units; returns what is left of them, at most 0 when it is not done. */
  step(units: number): number {
    let left = units
    for (let one = this.#leftovers.at(-1); one !== undefined && left > 0; one = this.#leftovers.at(-1)) {
      const { table, scan } = one
      const rows = scan.next(SCAN_ROWS)
      for (let at = 1; at < rows.length; at += 2) {
        this.#buckets.forEachRecord(rows[at] as Uint8Array, ({ record }) => {
          table.entryCount--
          table.noteGone(record.writtenAtMs)
        })
      }
      left -= 1 + (rows.length / 2) * ROW_UNITS
      if (rows.length > 0) continue
      this.#leftovers.pop()
      scan.close()
    }
    return this.isDone ? left : Math.min(left, 0)
  }

  close(): void {
    for (const { scan } of this.#leftovers) scan.close()
    this.#leftovers.length = 0
  }

  /** Gives the first buckets to `visit`. Where there are more, all are removed as a range, and stand in the scan that is returned. */
  #removeFirst(prefix: Uint8Array, visit: (bucket: Uint8Array) => void): OrderedScan | undefined {
    const batch = this.#batch
    const scan = this.#database.scan(prefix, endOfPrefix(prefix))
    let keys = 0
    let isLeft = false
    try {
      while (keys < RANGE_ENTRIES_MIN) {
        const rows = scan.next(SCAN_ROWS)
        if (rows.length === 0) break
        for (let at = 0; at < rows.length; at += 2) {
          batch.remove(rows[at] as Uint8Array)
          visit(rows[at + 1] as Uint8Array)
        }
        keys += rows.length / 2
      }
      isLeft = keys >= RANGE_ENTRIES_MIN
      if (isLeft) this.#database.removeRange(prefix, endOfPrefix(prefix))
      else if (keys > 0) batch.write()
    } catch (error) {
      isLeft = false
      throw error
    } finally {
      if (!isLeft) scan.close()
      batch.clear()
    }
    return isLeft ? scan : undefined
  }
}
