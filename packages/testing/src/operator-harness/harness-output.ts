/** An output that collects, and is full after a number of records until they are taken. */
import type { OperatorOutput } from '@millrace/core'

export interface CollectedRecord {
  readonly record: unknown
  readonly timestamp: number
}

export class HarnessOutput implements OperatorOutput {
  readonly #roomRecords: number
  readonly #taken: CollectedRecord[] = []
  #waiting: CollectedRecord[] = []
  /** Records ever emitted. */
  emitted = 0

  constructor(roomRecords: number) {
    this.#roomRecords = roomRecords
  }

  emit(record: unknown, timestamp: number): void {
    this.#waiting.push({ record, timestamp })
    this.emitted++
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#roomRecords
  }

  /** Makes room. */
  take(): void {
    for (const record of this.#waiting) this.#taken.push(record)
    this.#waiting = []
  }

  /** Everything so far. */
  get collected(): readonly CollectedRecord[] {
    return [...this.#taken, ...this.#waiting]
  }

  /** Everything so far, which is forgotten. */
  drain(): CollectedRecord[] {
    this.take()
    return this.#taken.splice(0)
  }
}
