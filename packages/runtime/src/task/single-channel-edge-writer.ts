/**
 * The writing side of an exchange with one channel: nothing is distributed, so a batch that comes whole leaves whole. Its
 * records are not put into another batch; where it is keyed, hashes are added. Small batches wait in the open one, as
 * records do that come one by one.
 */
import { type ChannelWriter, estimateRecordBytes, type RecordBatch } from '@millrace/core'
import { BATCH_BYTES_MAX, EdgeWriter, RECORD_OVERHEAD_BYTES, type Route } from './edge-writer.ts'

/** A batch of fewer records costs its receiver more than putting them into another. */
const WHOLE_RECORDS_MIN = 256
/** The same of bytes: few records may be as large as a batch gets. */
const WHOLE_BYTES_MIN = BATCH_BYTES_MAX / 2

export class SingleChannelEdgeWriter extends EdgeWriter {
  readonly #route: Route
  readonly batchBytesMax: number = BATCH_BYTES_MAX

  constructor(writer: ChannelWriter, route: Route, owner: string) {
    super([writer], route, owner)
    this.#route = route
  }

  pushBatch({ records, timestamps }: RecordBatch, bytes = records.length * estimateRecordBytes(records[0])): void {
    const count = records.length
    if (count < WHOLE_RECORDS_MIN && bytes < WHOLE_BYTES_MIN) {
      for (let i = 0; i < count; i++) this.emit(records[i], timestamps[i] as number)
      return
    }
    const route = this.#route
    const keyHashes = route.kind === 'hash' ? route.keyHashesOf(records) : undefined
    const bytesOfAll = bytes + count * RECORD_OVERHEAD_BYTES
    // Up to twice as large is still one: it was filled by the same measure, to the end of a slice.
    const recordsMax = bytesOfAll <= 2 * BATCH_BYTES_MAX ? count : Math.ceil((count * BATCH_BYTES_MAX) / bytesOfAll)
    if (recordsMax >= count) {
      this.sendToOnly({ records, timestamps, keyHashes }, bytesOfAll)
      return
    }
    for (let from = 0; from < count; from += recordsMax) {
      const to = Math.min(count, from + recordsMax)
      const part = {
        records: records.slice(from, to),
        timestamps: timestamps.slice(from, to),
        keyHashes: keyHashes?.slice(from, to),
      }
      this.sendToOnly(part, (bytesOfAll * (to - from)) / count)
    }
  }
}
