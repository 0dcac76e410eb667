/** Outputs of a step that are not one edge or the next stage: several edges, or none. */
import { type Counter, deepFreeze, type OperatorOutput } from '@millrace/core'

/** Sends every record to several outputs; the record is shared, so it must not be changed (records are values). */
export class FanOut implements OperatorOutput {
  readonly #outputs: readonly OperatorOutput[]

  constructor(outputs: readonly OperatorOutput[]) {
    this.#outputs = outputs
  }

  emit(record: unknown, timestamp: number): void {
    for (const output of this.#outputs) output.emit(record, timestamp)
  }

  get isFull(): boolean {
    for (const output of this.#outputs) if (output.isFull) return true
    return false
  }
}

/** An output that nobody reads: what goes there is counted, so that nothing is lost silently. */
export class UnreadOutput implements OperatorOutput {
  readonly isFull = false
  readonly #counter: Counter

  constructor(counter: Counter) {
    this.#counter = counter
  }

  emit(): void {
    this.#counter.add(1)
  }
}

/** Freezes records as they leave an operator (development mode), so that a later change throws where it is made. */
export class FreezingOutput implements OperatorOutput {
  readonly #output: OperatorOutput

  constructor(output: OperatorOutput) {
    this.#output = output
  }

  emit(record: unknown, timestamp: number): void {
    this.#output.emit(deepFreeze(record), timestamp)
  }

  get isFull(): boolean {
    return this.#output.isFull
  }
}
