/** An output that combines what comes, as the writer of an exchange does. */
import type { WindowSpec } from '@millrace/api'
import { Combiner, type OperatorOutput, type RecordBatch } from '@millrace/core'
import { tumbling, windowNode } from '../operator/operator-nodes.ts'

export interface CombiningOutputOptions {
  readonly aggregate: WindowSpec['aggregate']
  readonly field?: string
  readonly keysMax?: number
}

export class CombiningOutput implements OperatorOutput {
  isFull = false
  readonly combiner: Combiner
  /** Lengths of the batches that came. */
  readonly batches: number[] = []
  /** Partial results as `[key, sliceEnd, …]`, and records that left singly, in their order. */
  readonly out: unknown[] = []
  #waiting: RecordBatch | undefined

  /** For windows of 10 ms. */
  constructor({ aggregate, field = 'key', keysMax }: CombiningOutputOptions) {
    this.combiner = new Combiner({
      spec: windowNode(tumbling(10), aggregate).spec as WindowSpec & { kind: 'window' },
      key: { kind: 'field', field },
      receiver: { name: 'Counts', uid: 'counts' },
      subtask: 0,
      developmentMode: false,
      keysMax,
      output: {
        single: (record) => void this.out.push(record),
        beginPartials: () => {},
        partial: (key, _, end, columns, number) => void this.out.push([key, end, ...columns.map((c) => c[number])]),
        endPartials: () => {},
      },
    })
  }

  combining(): Combiner {
    if (this.#waiting !== undefined) this.pushBatch(this.#waiting)
    this.#waiting = undefined
    return this.combiner
  }

  emit(record: unknown, timestamp: number): void {
    this.#waiting ??= { records: [], timestamps: [], keyHashes: undefined }
    this.#waiting.records.push(record)
    this.#waiting.timestamps.push(timestamp)
  }

  pushBatch({ records, timestamps }: RecordBatch): void {
    this.batches.push(records.length)
    this.combiner.take(records, timestamps)
  }
}
