/**
 * The contract between an operator and whatever hosts it. An operator sees only its `OperatorHost`; it owns no thread,
 * clock or channel. Both the embedded engine and another host drive it by the same calls (architecture §8), and every
 * operator passes the same suite in either.
 *
 * Every call that may produce more than one record is resumable: it returns before it is done when `output.isFull` or
 * the budget is used up, and goes on with the next call. The chain does not hand over anything else to the operator
 * before it is done.
 */
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Combining } from '../combine/combine-loop.ts'
import type { KeyedStateBackend } from '../state/state-backend.ts'

export interface Operator {
  /** Called once, with restored state in place, before anything else. */
  open(host: OperatorHost): void

  /**
   * Processes records `from …` of a batch and returns the index of the first one not processed: the batch's length,
   * or less when output or budget ended it. Each record takes one unit of the budget.
   */
  processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number

  /**
   * Moves event time to `watermark`: fires what is due. Called again with the same watermark until it returns true;
   * only then does the watermark leave the operator.
   */
  advanceWatermark(watermark: number, budget: TurnBudget): boolean

  /** Fires due processing-time timers; true when none is left that is due. */
  advanceProcessingTime(nowMs: number, budget: TurnBudget): boolean
  /** When `advanceProcessingTime` has something to do next, epoch ms, or `undefined`. */
  nextProcessingTimeMs(): number | undefined

  /** The input has ended (after `advanceWatermark(WATERMARK_MAX)`): emits what is left. True when done. */
  finish(budget: TurnBudget): boolean

  close(): void

  /** Event time that the restored state has been through: what came up to there was decided before. */
  readonly restoredEventTime?: number
}

/** A bounded share of the thread: records and time. */
export interface TurnBudget {
  /** Units left; an operator takes one per record or firing. */
  units: number
}

export interface OperatorHost {
  readonly uid: string
  readonly name: string
  readonly subtask: number
  readonly parallelism: number
  /** Freeze what is handed to user code and must not be changed by it. */
  readonly developmentMode: boolean
  /** The checkpoint that the state began from; missing after a fresh start. */
  readonly restoredFrom?: number | undefined
  /** Where the operator's main output goes. */
  readonly output: OperatorOutput
  /** Where a declared side output goes; an output that nobody reads drops and counts. */
  sideOutput(name: string): OperatorOutput
  /** Keyed state; throws `INTERNAL` for an operator that is not keyed. */
  readonly state: KeyedStateBackend
  /** Wall clock, epoch ms. */
  now(): number
  /** A counter of this operator in the metrics. */
  counter(name: string): Counter
}

/** Takes records from an operator. */
export interface OperatorOutput {
  /** Always accepts; goes to an overflow area when `isFull`, which one user call may do and no engine loop. */
  emit(record: unknown, timestamp: number): void
  /** No more room: an engine loop must stop and return. */
  readonly isFull: boolean
  /**
   * Takes a batch of at most `BATCH_RECORDS_MAX` records by reference, which then belongs to it. Only where a batch needs
   * no more room than its records one by one. `bytes`: what they take, where an estimate is known.
   */
  pushBatch?(batch: RecordBatch, bytes?: number): void
  /** A batch for `pushBatch` is large enough with about this many bytes; default: what fills a stage of a chain. */
  readonly batchBytesMax?: number
  /**
   * A generated loop may end in the code that takes records in here (`combine/combine-loop.ts`) instead of filling a batch or
   * emitting, when the first of every `BATCH_RECORDS_MAX` has come the other way, which looks it through for all. What waits in
   * the output is taken in first.
   */
  combining?(): Combining
}

export interface Counter {
  add(increment: number): void
}
