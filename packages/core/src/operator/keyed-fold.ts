/**
 * `reduce` and `aggregate` on a keyed stream without windows: one running value per key, emitted after every record.
 */
import type { KeyedAggregateSpec, KeyedReduceSpec } from '@millrace/api'
import { addTo, reduceTo } from '../aggregate/fold-value.ts'
import { mayHoldParts, withoutParts } from '../aggregate/own-result.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import type { ValueTable } from '../state/state-backend.ts'
import type { OperatorHost, TurnBudget } from './operator.ts'
import { RecordKey } from './record-key.ts'
import { RecordOperator } from './record-operator.ts'
import { describeUserFailure } from './user-failure.ts'

abstract class KeyedFold extends RecordOperator {
  readonly #spec: KeyedReduceSpec | KeyedAggregateSpec
  readonly #tableName: string
  readonly #version: number
  #host: OperatorHost | undefined
  #key: RecordKey | undefined
  #table: ValueTable<unknown> | undefined

  constructor(spec: KeyedReduceSpec | KeyedAggregateSpec, tableName: string, version: number) {
    super()
    this.#spec = spec
    this.#tableName = tableName
    this.#version = version
  }

  /** Takes a record into the stored value, writes it, and returns what is emitted. */
  protected abstract fold(table: ValueTable<unknown>, record: unknown, timestamp: number, host: OperatorHost): unknown

  override open(host: OperatorHost): void {
    this.#host = host
    this.#key = new RecordKey(this.#spec.key, host.state)
    this.#table = host.state.valueTable({
      operatorUid: host.uid,
      name: this.#tableName,
      kind: 'value',
      version: this.#version,
      ttlMs: undefined,
    })
  }

  override processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const host = this.#host as OperatorHost
    const key = this.#key as RecordKey
    const table = this.#table as ValueTable<unknown>
    const { output } = host
    const { records, timestamps, keyHashes } = batch
    let index = from
    try {
      while (index < records.length && budget.units > 0 && !output.isFull) {
        const record = records[index]
        key.select(record, keyHashes, index)
        const timestamp = timestamps[index] as number
        output.emit(this.fold(table, record, timestamp, host), timestamp)
        budget.units--
        index++
      }
    } catch (cause) {
      throw describeUserFailure(host, cause)
    }
    return index
  }
}

export class KeyedReduceOperator extends KeyedFold {
  readonly #reduce: KeyedReduceSpec['reduce']

  constructor(spec: KeyedReduceSpec) {
    super(spec, '_reduce', 1)
    this.#reduce = spec.reduce
  }

  protected override fold(table: ValueTable<unknown>, record: unknown): unknown {
    const earlier = table.get()
    const value = earlier === undefined ? record : reduceTo(this.#reduce, earlier, record, 'The function of reduce')
    table.put(value)
    return value
  }
}

export class KeyedAggregateOperator extends KeyedFold {
  readonly #aggregate: KeyedAggregateSpec['aggregate']
  readonly #project: KeyedAggregateSpec['project']
  #context: { readonly key: unknown } | undefined

  constructor(spec: KeyedAggregateSpec) {
    super(spec, '_aggregate', spec.aggregate.version ?? 1)
    this.#aggregate = spec.aggregate
    this.#project = spec.project
  }

  protected override fold(table: ValueTable<unknown>, record: unknown, timestamp: number, host: OperatorHost): unknown {
    const stored = table.get()
    const before = stored === undefined ? this.#aggregate.create() : stored
    const accumulator = addTo(this.#aggregate, before, record, timestamp)
    table.put(accumulator)
    // Most projections do not look at the key.
    this.#context ??= {
      get key() {
        return host.state.currentKey
      },
    }
    const result = this.#aggregate.result(accumulator)
    const projected = this.#project(result, this.#context)
    return mayHoldParts(this.#aggregate, result, accumulator) ? withoutParts(projected, accumulator) : projected
  }
}
