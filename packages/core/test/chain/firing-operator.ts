/**
 * An operator whose every call is resumable: a record is emitted under its name, a watermark and the end each emit a
 * number of firings, one unit of the budget for each. It checks what the chain owes an operator.
 */
import assert from 'node:assert/strict'
import type { Operator, OperatorOutput, RecordBatch, TurnBudget } from '../../src/index.ts'

export interface FiringOptions {
  readonly name: string
  readonly output: OperatorOutput
  /** Firings of a watermark, and of the end. */
  readonly firings: number
  /** Due processing-time timers, epoch ms, in order. */
  readonly timers?: number[]
}

export class FiringOperator implements Operator {
  readonly #options: FiringOptions
  #fired = 0
  /** What is not finished: no other element may come before it is. */
  #open: string | undefined
  isClosed = false
  /** Set to make the operator wait, as a sink that is still writing does. */
  isWaiting = false

  constructor(options: FiringOptions) {
    this.#options = options
  }

  open(): void {}

  processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    assert.equal(this.#open, undefined)
    let next = from
    while (next < batch.records.length && this.#mayGoOn(budget)) {
      this.#emit(`${this.#options.name}(${batch.records[next]})`)
      budget.units--
      next++
    }
    return next
  }

  advanceWatermark(watermark: number, budget: TurnBudget): boolean {
    return this.#fire(`watermark ${watermark}`, budget)
  }

  finish(budget: TurnBudget): boolean {
    return this.#fire('end', budget)
  }

  advanceProcessingTime(nowMs: number, budget: TurnBudget): boolean {
    assert.equal(this.#open, undefined, 'a timer in the middle of an element')
    const timers = this.#options.timers ?? []
    while (timers[0] !== undefined && timers[0] <= nowMs) {
      if (!this.#mayGoOn(budget)) return false
      this.#emit(`${this.#options.name} timer ${timers.shift()}`)
      budget.units--
    }
    return true
  }

  nextProcessingTimeMs(): number | undefined {
    return this.#options.timers?.[0]
  }

  close(): void {
    this.isClosed = true
  }

  #fire(what: string, budget: TurnBudget): boolean {
    assert.ok(this.#open === undefined || this.#open === what)
    this.#open = what
    while (this.#fired < this.#options.firings) {
      if (!this.#mayGoOn(budget)) return false
      this.#emit(`${this.#options.name} ${what} ${this.#fired++}`)
      budget.units--
    }
    if (this.isWaiting) return false
    this.#fired = 0
    this.#open = undefined
    return true
  }

  #mayGoOn(budget: TurnBudget): boolean {
    return budget.units > 0 && !this.#options.output.isFull && !this.isWaiting
  }

  #emit(record: string): void {
    assert.equal(this.#options.output.isFull, false, 'emitted into a full output')
    this.#options.output.emit(record, 0)
  }
}
