/** What operators without time and without an end of their own have in common: nothing to fire, nothing left at the end. */
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Operator, OperatorHost, TurnBudget } from './operator.ts'

export abstract class RecordOperator implements Operator {
  abstract open(host: OperatorHost): void
  abstract processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number

  advanceWatermark(_watermark: number, _budget: TurnBudget): boolean {
    return true
  }

  advanceProcessingTime(_nowMs: number, _budget: TurnBudget): boolean {
    return true
  }

  nextProcessingTimeMs(): number | undefined {
    return undefined
  }

  finish(_budget: TurnBudget): boolean {
    return true
  }

  close(): void {}
}
