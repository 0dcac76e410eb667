/**
 * What waits in front of one stage of a chain, in order: batches, watermarks, the end. Record producers append to the
 * open batch at the tail; a control element closes it. The inbox is bounded by `isFull`, which every engine loop
 * respects; only one call of user code may go past it.
 */
import { MillraceError } from '@millrace/api'
import { BATCH_RECORDS_MAX, createBatch, type RecordBatch } from '../batch/record-batch.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import type { OperatorOutput } from '../operator/operator.ts'

/** What one user call may put into an inbox that is full. */
export const STAGE_OVERFLOW_BYTES_MAX = 64 * 1024 * 1024

export type StageElement =
  | { readonly kind: 'batch'; readonly batch: RecordBatch }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'end' }

export class StageInbox implements OperatorOutput {
  readonly #elements: StageElement[] = []
  #open: RecordBatch | undefined
  #queuedRecords = 0
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

  get first(): StageElement | undefined {
    return this.#elements[0]
  }

  emit(record: unknown, timestamp: number): void {
    let open = this.#open
    if (open === undefined) {
      open = createBatch()
      this.#open = open
      this.#elements.push({ kind: 'batch', batch: open })
    }
    open.records.push(record)
    open.timestamps.push(timestamp)
    if (++this.#queuedRecords < BATCH_RECORDS_MAX) return
    this.isFull = true
    if ((this.#queuedRecords & (BATCH_RECORDS_MAX - 1)) === 0) this.#checkOverflow(record)
  }

  /** Takes a whole batch by reference. */
  pushBatch(batch: RecordBatch): void {
    if (batch.records.length === 0) return
    this.#open = undefined
    this.#elements.push({ kind: 'batch', batch })
    this.#queuedRecords += batch.records.length
    if (this.#queuedRecords >= BATCH_RECORDS_MAX) this.isFull = true
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
    if (first.batch === this.#open) this.#open = undefined
    this.#queuedRecords -= first.batch.records.length
    this.isFull = this.#queuedRecords >= BATCH_RECORDS_MAX
  }

  /** From now on producers may not add to the batch at the head: a reader has started on it. */
  closeOpenBatch(): void {
    this.#open = undefined
  }

  /** Sampled every batch's worth of records: only one call of user code can get here again and again. */
  #checkOverflow(sample: unknown): void {
    if (this.#queuedRecords * estimateRecordBytes(sample) <= STAGE_OVERFLOW_BYTES_MAX) return
    throw new MillraceError(
      'USER_FUNCTION_OVERRUN',
      `One call of user code in ${this.#owner} emitted more than ${STAGE_OVERFLOW_BYTES_MAX / 1_048_576} MiB`,
      {
        details: { task: this.#owner, records: this.#queuedRecords },
        hint: 'Emit in smaller portions: return a generator from flatMap, or spread the output over timers.',
      },
    )
  }
}
