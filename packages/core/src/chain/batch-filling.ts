/**
 * Fills a batch by a loop over records, in slices: after each one record is looked at, which bounds what records can take
 * that grow on their way. The estimate goes with the batch, so that who takes it need not look again.
 */
import { createBatch, type RecordBatch } from '../batch/record-batch.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import { STAGE_BYTES_MAX } from './stage-inbox.ts'

const SLICE_RECORDS_FIRST = 32
const SLICE_RECORDS_MAX = 128
const SLICE_BYTES = 256 * 1024

export class BatchFilling {
  /** What the last `fill` gave, and what that takes, estimated. */
  filled: RecordBatch = createBatch()
  filledBytes = 0
  #sliceRecords = SLICE_RECORDS_FIRST

  /**
   * Runs records `from …` until `to` or until `filled` is large in bytes; returns the index after the last one taken.
   * `runSlice` fills the batch and says the same of its slice.
   */
  fill(from: number, to: number, runSlice: (from: number, to: number, filled: RecordBatch) => number): number {
    const filled = createBatch()
    let next = from
    let bytes = 0
    while (next < to && bytes < STAGE_BYTES_MAX) {
      const filledBefore = filled.records.length
      next = runSlice(next, Math.min(to, next + this.#sliceRecords), filled)
      const given = filled.records.length - filledBefore
      if (given === 0) continue
      const recordBytes = estimateRecordBytes(filled.records[filledBefore])
      bytes += given * recordBytes
      this.#sliceRecords = Math.max(1, Math.min(SLICE_RECORDS_MAX, Math.floor(SLICE_BYTES / recordBytes)))
    }
    this.filled = filled
    this.filledBytes = bytes
    return next
  }
}
