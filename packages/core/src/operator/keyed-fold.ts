/**
 * `reduce` and `aggregate` on a keyed stream without windows: one running value per key, emitted after every record.
 * What happens to a record is one generated loop (`fold-loop.ts`). Each record gives one, so where the output takes whole
 * batches the loop fills one and hands it over at its end, or when what it holds is enough to fill the output in bytes.
 */
import type { KeyedAggregateSpec, KeyedReduceSpec } from '@millrace/api'
import { BATCH_RECORDS_MAX, type RecordBatch } from '../batch/record-batch.ts'
import { BatchFilling } from '../chain/batch-filling.ts'
import { aggregateTable, reduceTable } from '../state/declared-tables.ts'
import type { ValueTable } from '../state/state-backend.ts'
import type { TableDescriptor } from '../state/table-descriptor.ts'
import { type FoldLoops, type FoldState, generateAggregateLoops, generateReduceLoops } from './fold-loop.ts'
import { heldStates } from './held-form.ts'
import type { OperatorHost, TurnBudget } from './operator.ts'
import { RecordOperator } from './record-operator.ts'
import { describeUserFailure, type HeldState } from './user-failure.ts'

abstract class KeyedFold extends RecordOperator {
  readonly #spec: KeyedReduceSpec | KeyedAggregateSpec
  readonly #filling = new BatchFilling()
  #host: OperatorHost | undefined
  #table: ValueTable<unknown> | undefined
  #loops: FoldLoops | undefined

  constructor(spec: KeyedReduceSpec | KeyedAggregateSpec) {
    super()
    this.#spec = spec
  }

  protected abstract tableOf(uid: string): TableDescriptor

  protected abstract generate(state: FoldState): FoldLoops

  override open(host: OperatorHost): void {
    this.#host = host
    const table = host.state.valueTable<unknown>(this.tableOf(host.uid))
    this.#table = table
    this.#loops = this.generate({ uid: host.uid, key: this.#spec.key, state: host.state, table })
  }

  override processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const host = this.#host as OperatorHost
    const loops = this.#loops as FoldLoops
    const { output } = host
    let to = Math.min(batch.records.length, from + budget.units)
    const isFilled = output.pushBatch !== undefined
    if (isFilled) to = Math.min(to, from + BATCH_RECORDS_MAX)
    let next: number
    try {
      next = isFilled
        ? this.#filling.fill(from, to, output, (sliceFrom, sliceTo, filled) =>
            loops.fill(batch, sliceFrom, sliceTo, filled),
          )
        : loops.emit(batch, from, to, output)
    } catch (cause) {
      throw describeUserFailure(host, cause, { key: host.state.currentKey, states: this.#heldStates(host.uid) })
    }
    if (isFilled) output.pushBatch?.(this.#filling.filled, this.#filling.filledBytes)
    budget.units -= next - from
    return next
  }

  #heldStates(uid: string): readonly HeldState[] {
    return heldStates(this.tableOf(uid).name, () => this.#table?.get())
  }
}

export class KeyedReduceOperator extends KeyedFold {
  readonly #spec: KeyedReduceSpec

  constructor(spec: KeyedReduceSpec) {
    super(spec)
    this.#spec = spec
  }

  protected override tableOf(uid: string): TableDescriptor {
    return reduceTable(uid, this.#spec)
  }

  protected override generate(state: FoldState): FoldLoops {
    return generateReduceLoops(state, this.#spec.reduce)
  }
}

export class KeyedAggregateOperator extends KeyedFold {
  readonly #spec: KeyedAggregateSpec

  constructor(spec: KeyedAggregateSpec) {
    super(spec)
    this.#spec = spec
  }

  protected override tableOf(uid: string): TableDescriptor {
    return aggregateTable(uid, this.#spec.aggregate)
  }

  protected override generate(state: FoldState): FoldLoops {
    return generateAggregateLoops(state, this.#spec)
  }
}
