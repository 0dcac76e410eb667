/** A queue of rows that counts its steps of work, and how many an operation may take. */
import { RowQueue } from '../../src/state/row-queue.ts'

export class CountingQueue extends RowQueue {
  steps = 0

  protected override put(place: number, row: number, number: number): void {
    this.steps++
    super.put(place, row, number)
  }
}

/** Of one operation: one for each level of a heap of so many rows. */
export function stepsMax(rows: number): number {
  return Math.floor(Math.log2(Math.max(1, rows))) + 1
}
