/**
 * The unit in which records move: parallel arrays, never one object per record. A batch that was handed over belongs
 * to its receiver; one with several receivers is read-only for all of them.
 */

/** The timestamp of a record without event time; also "no watermark yet". */
export const NO_TIMESTAMP = Number.NEGATIVE_INFINITY
/** The watermark after the last record of a bounded input. */
export const WATERMARK_MAX = Number.POSITIVE_INFINITY

/** Batches inside the engine hold about this many records at most; more only when one user call emits more. */
export const BATCH_RECORDS_MAX = 1_024

export interface RecordBatch {
  readonly records: unknown[]
  /** Event time per record, epoch ms; `NO_TIMESTAMP` for none. Same length as `records`. */
  readonly timestamps: number[]
  /** `hashKey` of each record's key, when the batch crossed a keyed exchange; same length as `records`. */
  readonly keyHashes: number[] | undefined
  /**
   * Only of a batch of partial results, which were combined before the exchange (`combine/combiner.ts`): `records` are
   * keys then, `timestamps` the ends of their slices, and these the accumulators, a column for each part of the
   * aggregate. They belong to the receiver.
   */
  readonly accumulators?: readonly unknown[][]
}

export function createBatch(withKeyHashes = false): RecordBatch {
  return { records: [], timestamps: [], keyHashes: withKeyHashes ? [] : undefined }
}

/** A batch of its own with records `from …` to before `to`. */
export function sliceBatch(
  { records, timestamps, keyHashes, accumulators }: RecordBatch,
  from: number,
  to: number,
): RecordBatch {
  return {
    records: records.slice(from, to),
    timestamps: timestamps.slice(from, to),
    keyHashes: keyHashes?.slice(from, to),
    ...(accumulators === undefined ? {} : { accumulators: accumulators.map((column) => column.slice(from, to)) }),
  }
}
