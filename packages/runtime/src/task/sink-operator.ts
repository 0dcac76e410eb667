/**
 * A sink's writer as the last operator of a chain. The writer is asynchronous: while one of its promises is open the
 * operator takes no record, which holds the chain back and shows as busy time of this task.
 */
import {
  MillraceError,
  type PlainValue,
  type PreparedOutput,
  type PrepareReason,
  type Sink,
  type SinkWriter,
} from '@millrace/api'
import { BATCH_RECORDS_MAX, type Operator, type RecordBatch, type TurnBudget } from '@millrace/core'

export class SinkOperator implements Operator {
  readonly #writer: SinkWriter<unknown>
  readonly #batchRecordsMax: number
  readonly #name: string
  readonly #onSettled: () => void
  readonly #onFailed: (error: unknown) => void
  #isBusy = false
  recordsIn = 0

  constructor(
    sink: Sink<unknown>,
    writer: SinkWriter<unknown>,
    name: string,
    onSettled: () => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#writer = writer
    this.#batchRecordsMax = sink.batchRecordsMax ?? BATCH_RECORDS_MAX
    this.#name = name
    this.#onSettled = onSettled
    this.#onFailed = onFailed
  }

  /** Whether a write or a preparation is under way: then the task must neither snapshot nor end. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  open(): void {}

  processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const { records, timestamps } = batch
    let next = from
    while (next < records.length && budget.units > 0 && !this.#isBusy) {
      const to = Math.min(records.length, next + this.#batchRecordsMax)
      const whole = next === 0 && to === records.length
      this.#write(whole ? records : records.slice(next, to), whole ? timestamps : timestamps.slice(next, to))
      budget.units -= to - next
      this.recordsIn += to - next
      next = to
    }
    return next
  }

  advanceWatermark(): boolean {
    return true
  }
  advanceProcessingTime(): boolean {
    return true
  }
  nextProcessingTimeMs(): undefined {
    return undefined
  }

  finish(): boolean {
    return !this.#isBusy
  }

  /** Fixes what was written so far; the chain must be drained and the writer not busy. */
  async prepare(checkpointId: number, reason: PrepareReason): Promise<PreparedOutput<PlainValue, PlainValue>> {
    this.#isBusy = true
    try {
      return await this.#writer.prepare(checkpointId, reason)
    } catch (cause) {
      throw this.#failure(cause, 'prepare')
    } finally {
      this.#isBusy = false
    }
  }

  close(): void {}

  async closeWriter(): Promise<void> {
    await this.#writer.close()
  }

  #write(records: readonly unknown[], timestamps: readonly number[]): void {
    let result: void | Promise<void>
    try {
      result = this.#writer.write(records, timestamps)
    } catch (cause) {
      throw this.#failure(cause, 'write')
    }
    if (result === undefined) return
    this.#isBusy = true
    result.then(
      () => {
        this.#isBusy = false
        this.#onSettled()
      },
      (cause: unknown) => this.#onFailed(this.#failure(cause, 'write')),
    )
  }

  #failure(cause: unknown, what: 'write' | 'prepare'): unknown {
    if (cause instanceof MillraceError) return cause
    return new MillraceError('SINK_WRITE_FAILED', `The sink "${this.#name}" could not ${what}: ${messageOf(cause)}`, {
      details: { operator: this.#name },
      cause,
    })
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
