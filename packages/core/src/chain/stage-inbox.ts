/**
 * What waits in front of one stage of a chain, in order: batches, watermarks, the end. Record producers append to the
 * open batch at the tail; a control element closes it. The inbox is bounded in records and in bytes by `isFull`, which
 * every engine loop respects; only one call of user code may go past it. Bytes are an estimate from samples.
 */
import { MillraceError } from '@millrace/api'
import { BATCH_RECORDS_MAX, createBatch, type RecordBatch, sliceBatch } from '../batch/record-batch.ts'
import { estimateBatchRecordBytes, estimateRecordBytes } from '../codec/record-size.ts'
import type { OperatorOutput } from '../operator/operator.ts'

/** An inbox that holds about this much is full, however few records that are. */
export const STAGE_BYTES_MAX = 4 * 1024 * 1024
/** What one user call may put into an inbox that is full. */
export const STAGE_OVERFLOW_BYTES_MAX = 64 * 1024 * 1024

/** Every this many records one is looked at; sooner where records are large. */
const SAMPLE_EVERY_RECORDS = 32
/** Of a batch that comes whole every this many. */
const SAMPLE_BATCH_EVERY_RECORDS = 64

interface QueuedBatch {
  readonly kind: 'batch'
  readonly batch: RecordBatch
  /** What it counts in the inbox, estimated. */
  bytes: number
}

export type StageElement =
  | Readonly<QueuedBatch>
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'end' }

export class StageInbox implements OperatorOutput {
  readonly #elements: StageElement[] = []
  #open: QueuedBatch | undefined
  #queuedRecords = 0
  #queuedBytes = 0
  /** Records from one sample to the next, and how many of them are still to come. */
  #sampleStep = 1
  #untilSample = 1
  isFull = false
  readonly #owner: string

  /** `owner` is the task that an overrun is reported for. */
  constructor(owner = 'a chain') {
    this.#owner = owner
  }

  get isEmpty(): boolean {
    return this.#elements.length === 0
  }

  get queuedRecords(): number {
    return this.#queuedRecords
  }

  /** Estimated. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get first(): StageElement | undefined {
    return this.#elements[0]
  }

  emit(record: unknown, timestamp: number): void {
    const open = this.#open ?? this.#openBatch()
    open.batch.records.push(record)
    open.batch.timestamps.push(timestamp)
    if (++this.#queuedRecords >= BATCH_RECORDS_MAX) this.isFull = true
    if (--this.#untilSample === 0) this.#sample(open, record)
  }

  /** Takes a whole batch by reference; `bytes` is what it takes, where an estimate is known. */
  pushBatch(batch: RecordBatch, bytes = estimateBatchBytes(batch)): void {
    const { records } = batch
    if (records.length === 0) return
    this.#open = undefined
    this.#elements.push({ kind: 'batch', batch, bytes })
    this.#queuedRecords += records.length
    this.#queuedBytes += bytes
    this.#updateFull()
  }

  pushWatermark(timestamp: number): void {
    this.#open = undefined
    this.#elements.push({ kind: 'watermark', timestamp })
  }

  pushEnd(): void {
    this.#open = undefined
    this.#elements.push({ kind: 'end' })
  }

  /** Drops the first element, which has been worked off. */
  shift(): void {
    const first = this.#elements.shift()
    if (first?.kind !== 'batch') return
    if (first === this.#open) this.#open = undefined
    this.#queuedRecords -= first.batch.records.length
    this.#queuedBytes -= first.bytes
    this.#updateFull()
  }

  /** Takes away what follows the first `kept` records of the batch at the head. `undefined`: nothing does, or it is no batch. */
  takeBack(kept: number): RecordBatch | undefined {
    const first = this.#elements[0]
    if (first?.kind !== 'batch' || kept >= first.batch.records.length) return undefined
    const { batch } = first
    const { length } = batch.records
    const bytes = Math.ceil((first.bytes * kept) / length)
    this.#open = undefined
    if (kept === 0) this.#elements.shift()
    else this.#elements[0] = { kind: 'batch', batch: sliceBatch(batch, 0, kept), bytes }
    this.#queuedRecords -= length - kept
    this.#queuedBytes -= first.bytes - bytes
    this.#updateFull()
    return sliceBatch(batch, kept, length)
  }

  /** From now on producers may not add to the batch at the head: a reader has started on it. */
  closeOpenBatch(): void {
    this.#open = undefined
  }

  #openBatch(): QueuedBatch {
    const open: QueuedBatch = { kind: 'batch', batch: createBatch(), bytes: 0 }
    this.#open = open
    this.#elements.push(open)
    this.#sampleStep = 1
    this.#untilSample = 1
    return open
  }

  /** What came since the last sample counts like `record`. */
  #sample(open: QueuedBatch, record: unknown): void {
    const hadRoom = !this.isFull
    const recordBytes = estimateRecordBytes(record)
    const bytes = this.#sampleStep * recordBytes
    open.bytes += bytes
    this.#queuedBytes += bytes
    this.#sampleStep = Math.max(1, Math.min(SAMPLE_EVERY_RECORDS, Math.floor(STAGE_BYTES_MAX / (8 * recordBytes))))
    this.#untilSample = this.#sampleStep
    this.#updateFull()
    // A single record may be larger; beyond a full inbox only one call of user code can get this far.
    if (!hadRoom && this.#queuedBytes > STAGE_OVERFLOW_BYTES_MAX) throw this.#overrun()
  }

  #updateFull(): void {
    this.isFull = this.#queuedRecords >= BATCH_RECORDS_MAX || this.#queuedBytes >= STAGE_BYTES_MAX
  }

  #overrun(): MillraceError {
    return new MillraceError(
      'USER_FUNCTION_OVERRUN',
      `One call of user code in ${this.#owner} emitted more than ${STAGE_OVERFLOW_BYTES_MAX / 1_048_576} MiB`,
      {
        details: { task: this.#owner, records: this.#queuedRecords },
        hint: 'Emit in smaller portions: return a generator from flatMap, or spread the output over timers.',
      },
    )
  }
}

function estimateBatchBytes(batch: RecordBatch): number {
  const { records } = batch
  let bytes = 0
  for (let i = 0; i < records.length; i += SAMPLE_BATCH_EVERY_RECORDS) {
    bytes += Math.min(SAMPLE_BATCH_EVERY_RECORDS, records.length - i) * estimateBatchRecordBytes(batch, i)
  }
  return bytes
}
