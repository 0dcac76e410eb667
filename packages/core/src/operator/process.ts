/** `process` on a stream without keys: a function per record, with side outputs, counters and a call at the end. */
import { type ProcessContext, type ProcessSpec, type SideOutputs, synchronousResult } from '@millrace/api'
import { NO_TIMESTAMP, type RecordBatch } from '../batch/record-batch.ts'
import { Counters } from './counters.ts'
import { Emission } from './emission.ts'
import type { OperatorHost, TurnBudget } from './operator.ts'
import { RecordOperator } from './record-operator.ts'
import { describeUserFailure } from './user-failure.ts'

export class ProcessOperator extends RecordOperator {
  readonly #fn: ProcessSpec['fn']
  #host: OperatorHost | undefined
  #emission: Emission | undefined
  #context: ProcessContext<unknown, SideOutputs> | undefined
  #watermark = NO_TIMESTAMP
  #hasEnded = false

  constructor(spec: ProcessSpec) {
    super()
    this.#fn = spec.fn
  }

  override open(host: OperatorHost): void {
    this.#host = host
    const emission = new Emission(host, this.#fn)
    const watermark = () => this.#watermark
    this.#emission = emission
    this.#context = {
      get timestamp() {
        return emission.timestamp
      },
      get watermark() {
        return watermark()
      },
      now: () => host.now(),
      emit: emission.emit,
      emitTo: emission.emitTo,
      count: new Counters(host).count,
      subtask: host.subtask,
      parallelism: host.parallelism,
    }
  }

  override processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const emission = this.#emission as Emission
    const context = this.#context as ProcessContext<unknown, SideOutputs>
    const { records, timestamps } = batch
    let index = from
    try {
      while (index < records.length && budget.units > 0 && !emission.isBlocked()) {
        emission.timestamp = timestamps[index] as number
        synchronousResult('onRecord', this.#fn.onRecord(records[index], context))
        budget.units--
        index++
      }
    } catch (cause) {
      throw describeUserFailure(this.#host as OperatorHost, cause)
    }
    return index
  }

  override advanceWatermark(watermark: number): boolean {
    this.#watermark = watermark
    return true
  }

  override finish(budget: TurnBudget): boolean {
    if (this.#hasEnded || this.#fn.onEnd === undefined) return true
    const emission = this.#emission as Emission
    if (budget.units <= 0 || emission.isBlocked()) return false
    this.#hasEnded = true
    budget.units--
    emission.timestamp = NO_TIMESTAMP
    try {
      synchronousResult('onEnd', this.#fn.onEnd(this.#context as ProcessContext<unknown, SideOutputs>))
    } catch (cause) {
      throw describeUserFailure(this.#host as OperatorHost, cause)
    }
    return true
  }
}
