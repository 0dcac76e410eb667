/**
 * Fills a batch by a loop over records, in slices: after each one record is looked at, which bounds what records can take
 * that grow on their way. The estimate goes with the batch, so that who takes it need not look again.
 */
import { BATCH_RECORDS_MAX, createBatch, type RecordBatch } from '../batch/record-batch.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import type { OperatorOutput } from '../operator/operator.ts'
import { STAGE_BYTES_MAX } from './stage-inbox.ts'

const SLICE_RECORDS_FIRST = 32
const SLICE_RECORDS_MAX = 128
const SLICE_BYTES_MAX = 256 * 1024
/** Less room than for so many records is not worth making. */
const ROOM_RECORDS_MIN = 64

/**
 * A batch to be, with room, that is written to by index, from `count` on: arrays that grow by `push` are copied again and again. What is written
 * beyond the room makes them grow.
 */
export interface FilledBatch {
  readonly records: unknown[]
  readonly timestamps: number[]
  count: number
}

/**
 * What a generated loop does to fill a batch, which it knows as `output`: before the first record, with each that is left, and after the
 * last. All loops that fill have it from here: one that used `push` instead would fill behind the room.
 */
export const FILL_CODE = {
  start: 'const outRecords = output.records, outTimestamps = output.timestamps; let outCount = output.count',
  give: (record: string, timestamp: string) =>
    `outRecords[outCount] = ${record}; outTimestamps[outCount++] = ${timestamp}`,
  finish: 'output.count = outCount',
} as const

export class BatchFilling {
  /** What the last `fill` gave, and what that takes, estimated. */
  filled: RecordBatch = createBatch()
  filledBytes = 0
  #sliceRecordsMax = SLICE_RECORDS_FIRST
  /** Of the record that was looked at last. */
  #recordBytes = 1
  /** For how many records the next batch has room: as many as the last one got. */
  #roomRecords = 0

  /**
   * Runs records `from …` until `to` or until `filled` is large in bytes for `output`, which gets it; returns the index
   * after the last one taken. `runSlice` fills the batch and says the same of its slice.
   */
  fill(
    from: number,
    to: number,
    output: Pick<OperatorOutput, 'batchBytesMax'>,
    runSlice: (from: number, to: number, filled: FilledBatch) => number,
  ): number {
    const filled = batchWithRoom(Math.min(to - from, this.#roomRecords))
    let next = from
    const bytesMax = output.batchBytesMax ?? STAGE_BYTES_MAX
    let bytes = 0
    while (next < to && bytes < bytesMax) {
      const filledBefore = filled.count
      const sliceBytes = Math.min(SLICE_BYTES_MAX, bytesMax - bytes)
      const sliceRecords = Math.min(this.#sliceRecordsMax, Math.ceil(sliceBytes / this.#recordBytes))
      next = runSlice(next, Math.min(to, next + sliceRecords), filled)
      const given = filled.count - filledBefore
      if (given === 0) continue
      this.#recordBytes = estimateRecordBytes(filled.records[filledBefore])
      this.#sliceRecordsMax = SLICE_RECORDS_MAX
      bytes += given * this.#recordBytes
    }
    const { records, timestamps, count } = filled
    if (count < records.length) {
      records.length = count
      timestamps.length = count
    }
    this.#roomRecords = count < ROOM_RECORDS_MIN ? 0 : Math.min(BATCH_RECORDS_MAX, count)
    this.filled = { records, timestamps, keyHashes: undefined }
    this.filledBytes = bytes
    return next
  }
}

/** Arrays without holes: they are copied, since room for more can be had in no other way. */
const NO_RECORDS: null[] = []
const NO_TIMESTAMPS: number[] = []
for (let at = 0; at < BATCH_RECORDS_MAX; at++) {
  NO_RECORDS.push(null)
  // No integer: V8 keeps doubles in another form.
  NO_TIMESTAMPS.push(0.5)
}

function batchWithRoom(records: number): FilledBatch {
  return {
    records: records === 0 ? [] : NO_RECORDS.slice(0, records),
    timestamps: records === 0 ? [] : NO_TIMESTAMPS.slice(0, records),
    count: 0,
  }
}
