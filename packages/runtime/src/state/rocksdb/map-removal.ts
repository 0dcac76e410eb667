/** Removes the entries of a map from an ordered store: many as one range, which later reads have to pass, few key by key. */
import type { BucketReader } from './buckets.ts'
import { endOfPrefix } from './key-layout.ts'
import type { OrderedBatch, OrderedStore } from './ordered-store.ts'

/** So many and more are a range. */
export const RANGE_ENTRIES_MIN = 1_024
const SCAN_ROWS = 256

export interface RemovedRecords {
  readonly count: number
  /** A snapshot may know one of them. */
  readonly areKnown: boolean
}

export class MapRemoval {
  readonly #database: OrderedStore
  readonly #buckets: BucketReader
  readonly #batch: OrderedBatch

  constructor(database: OrderedStore, buckets: BucketReader) {
    this.#database = database
    this.#buckets = buckets
    this.#batch = database.batch()
  }

  /** All keys that begin with `prefix`, whatever they are. Throws `DISK_FAILED`. */
  removeRange(prefix: Uint8Array): void {
    this.#database.removeRange(prefix, endOfPrefix(prefix))
  }

  /** The same, and tells what that was: nobody has counted it. What was created after `knownEpoch` no snapshot knows. */
  removeAndCount(prefix: Uint8Array, knownEpoch: number): RemovedRecords {
    const batch = this.#batch
    const scan = this.#database.scan(prefix, endOfPrefix(prefix))
    let keys = 0
    let count = 0
    let areKnown = false
    try {
      for (let rows = scan.next(SCAN_ROWS); rows.length > 0; rows = scan.next(SCAN_ROWS)) {
        for (let at = 0; at < rows.length; at += 2) {
          if (keys++ < RANGE_ENTRIES_MIN) batch.remove(rows[at] as Uint8Array)
          this.#buckets.forEachRecord(rows[at + 1] as Uint8Array, ({ record }) => {
            count++
            areKnown ||= !record.isFresh || record.epoch <= knownEpoch
          })
        }
      }
      if (keys >= RANGE_ENTRIES_MIN) this.removeRange(prefix)
      else if (keys > 0) batch.write()
    } finally {
      scan.close()
      batch.clear()
    }
    return { count, areKnown }
  }
}
