/**
 * Fills a batch by a loop over records, in slices: after each one record is looked at, which bounds what records can take
 * that grow on their way. The estimate goes with the batch, so that who takes it need not look again.
 */
import { createBatch, type RecordBatch } from '../batch/record-batch.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import type { OperatorOutput } from '../operator/operator.ts'
import { STAGE_BYTES_MAX } from './stage-inbox.ts'

const SLICE_RECORDS_FIRST = 32
const SLICE_RECORDS_MAX = 128
const SLICE_BYTES_MAX = 256 * 1024

export class BatchFilling {
  /** What the last `fill` gave, and what that takes, estimated. */
  filled: RecordBatch = createBatch()
  filledBytes = 0
  #sliceRecordsMax = SLICE_RECORDS_FIRST
  /** Of the record that was looked at last. */
  #recordBytes = 1

  /**
   * Runs records `from …` until `to` or until `filled` is large in bytes for `output`, which gets it; returns the index
   * after the last one taken. `runSlice` fills the batch and says the same of its slice.
   */
  fill(
    from: number,
    to: number,
    output: Pick<OperatorOutput, 'batchBytesMax'>,
    runSlice: (from: number, to: number, filled: RecordBatch) => number,
  ): number {
    const filled = createBatch()
    let next = from
    const bytesMax = output.batchBytesMax ?? STAGE_BYTES_MAX
    let bytes = 0
    while (next < to && bytes < bytesMax) {
      const filledBefore = filled.records.length
      const sliceBytes = Math.min(SLICE_BYTES_MAX, bytesMax - bytes)
      const sliceRecords = Math.min(this.#sliceRecordsMax, Math.ceil(sliceBytes / this.#recordBytes))
      next = runSlice(next, Math.min(to, next + sliceRecords), filled)
      const given = filled.records.length - filledBefore
      if (given === 0) continue
      this.#recordBytes = estimateRecordBytes(filled.records[filledBefore])
      this.#sliceRecordsMax = SLICE_RECORDS_MAX
      bytes += given * this.#recordBytes
    }
    this.filled = filled
    this.filledBytes = bytes
    return next
  }
}
