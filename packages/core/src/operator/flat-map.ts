/**
 * `flatMap`: any number of records for each. The user's iterable is drained only while the output has room; what is
 * left of it waits for the next call, before the next record.
 */
import { type FlatMapSpec, isPromise, MillraceError, promiseRefusal } from '@millrace/api'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { OperatorHost, TurnBudget } from './operator.ts'
import { RecordOperator } from './record-operator.ts'
import { describeUserFailure } from './user-failure.ts'

export class FlatMapOperator extends RecordOperator {
  readonly #flatMap: FlatMapSpec['flatMap']
  #host: OperatorHost | undefined
  /** The rest of the record at which the last call stopped. */
  #rest: Iterator<unknown> | undefined

  constructor(spec: FlatMapSpec) {
    super()
    this.#flatMap = spec.flatMap
  }

  override open(host: OperatorHost): void {
    this.#host = host
  }

  override processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const host = this.#host as OperatorHost
    const { records, timestamps } = batch
    let index = from
    try {
      while (index < records.length && budget.units > 0 && !host.output.isFull) {
        this.#rest ??= iteratorOf(this.#flatMap(records[index]))
        if (!this.#drain(this.#rest, timestamps[index] as number, budget)) break
        this.#rest = undefined
        index++
      }
    } catch (cause) {
      this.#rest = undefined
      throw describeUserFailure(host, cause)
    }
    return index
  }

  override close(): void {
    const rest = this.#rest
    this.#rest = undefined
    rest?.return?.()
  }

  /** True when the iterator is at its end. Every step takes a unit of the budget, so an endless one ends the turn. */
  #drain(rest: Iterator<unknown>, timestamp: number, budget: TurnBudget): boolean {
    const { output } = this.#host as OperatorHost
    while (budget.units > 0 && !output.isFull) {
      budget.units--
      const step = rest.next()
      if (step.done === true) return true
      output.emit(step.value, timestamp)
    }
    return false
  }
}

function iteratorOf(results: unknown): Iterator<unknown> {
  if (isPromise(results)) throw promiseRefusal('flatMap', results)
  const iterable = results as Partial<Iterable<unknown>> | null | undefined
  const iterate = iterable?.[Symbol.iterator]
  if (typeof iterate !== 'function') {
    throw new MillraceError('USER_FUNCTION_FAILED', `flatMap returned ${describe(results)}, which is not iterable.`, {
      hint: 'Return an array, or write a generator function (not an async one); an empty array for no records.',
    })
  }
  return iterate.call(iterable)
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  return Symbol.asyncIterator in Object(value) ? 'an async iterable' : `a value of type ${typeof value}`
}
