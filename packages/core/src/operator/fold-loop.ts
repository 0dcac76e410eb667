/**
 * The loop of a running fold, generated for one step: chooses the record's key, takes the record into the stored value,
 * writes that, and gives the result. Every step has a loop of its own, so that V8 inlines what it calls: the selector,
 * the aggregate and the projection are called by reference, and traces and profiles show the user's own lines
 * (decision 0042).
 *
 * Where an aggregate can work on numbers and the table has values in cells, the accumulator is changed where it stands
 * (decision 0045); values that stand otherwise are read and written as ever.
 *
 * There are two ends: results go into a batch that is handed over whole, or one by one into an output, as long as that
 * has room.
 */
import {
  aggregateInCells,
  type KeyedAggregateSpec,
  type KeyedReduceSpec,
  type KeySelector,
  MillraceError,
  promiseRefusal,
} from '@millrace/api'
import { noAccumulator } from '../aggregate/fold-value.ts'
import { mayHoldParts, withoutParts } from '../aggregate/own-result.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
import { FILL_CODE, type FilledBatch } from '../chain/batch-filling.ts'
import { promiseCheck } from '../chain/step-functions.ts'
import { hashKey } from '../key/key-hash.ts'
import { compileKeySelector } from '../key/key-selector.ts'
import type { KeyedStateBackend, ValueTable } from '../state/state-backend.ts'
import type { OperatorOutput } from './operator.ts'
import { CHOOSE_KEY } from './record-key.ts'

/** Takes in records from … to, and returns the index after the last one taken in. */
export type FoldLoop<Output> = (batch: RecordBatch, from: number, to: number, output: Output) => number

export interface FoldLoops {
  /** Stops when the output is full. */
  readonly emit: FoldLoop<OperatorOutput>
  readonly fill: FoldLoop<FilledBatch>
}

/** What a fold works on. */
export interface FoldState {
  readonly uid: string
  readonly key: KeySelector
  readonly state: KeyedStateBackend
  readonly table: ValueTable<unknown>
}

/** From the variables `record` and `timestamp` to what is stored in `table`, and to `given`, which leaves. */
interface FoldCode {
  readonly fold: string
  readonly give: string
  /** What the code calls, by name. */
  readonly calls: Readonly<Record<string, unknown>>
}

export function generateReduceLoops(state: FoldState, reduce: KeyedReduceSpec['reduce']): FoldLoops {
  return generateLoops(state, {
    fold: `const stored = table.get()
      let value = record
      if (stored !== undefined) {
        value = reduce(stored, record)
        ${promiseCheck('value')}
        if (value === undefined) refuseUndefined()
      }
      table.put(value)`,
    give: 'const given = value',
    calls: {
      reduce,
      refuse: refusalOf('The reduce function'),
      refuseUndefined: () => {
        throw new MillraceError('USER_FUNCTION_FAILED', 'The function of reduce returned undefined.', {
          hint: 'reduce(a, b) must return what the two come to.',
        })
      },
    },
  })
}

export function generateAggregateLoops(
  state: FoldState,
  { aggregate, project }: Pick<KeyedAggregateSpec, 'aggregate' | 'project'>,
): FoldLoops {
  const inCells = aggregateInCells(aggregate)
  const { cells } = state.table
  const holds =
    aggregate.holdsObjects === undefined ? 'mayHoldParts(aggregate, result, value)' : 'aggregate.holdsObjects(result)'
  return generateLoops(state, {
    fold: inCells !== undefined && cells !== undefined ? foldInCells(inCells.width) : FOLD_VALUE,
    give: `let given = project(result, context)
      ${promiseCheck('given')}
      if (${holds}) given = withoutParts(given, value)`,
    calls: {
      aggregate,
      inCells,
      cells,
      project,
      // Most projections do not look at the key.
      context: {
        get key() {
          return state.state.currentKey
        },
      },
      mayHoldParts,
      withoutParts,
      refuse: refusalOf('The projection'),
      refuseUndefined: () => {
        throw noAccumulator(aggregate.name)
      },
    },
  })
}

/** To `value`, the accumulator, and `result`. One that begins with `undefined`, as min() does, may stay so. */
const FOLD_VALUE = `const stored = table.get()
      const before = stored === undefined ? aggregate.create() : stored
      const value = aggregate.add(before, record, timestamp)
      if (value === undefined && before !== undefined) refuseUndefined()
      table.put(value)
      const result = aggregate.result(value)`

/** The same where the accumulator may stand in cells: then `value` is `undefined`, and `result` can hold nothing of it. */
function foldInCells(width: number): string {
  return `let value, result
      const at = cells.open(${width})
      if (at >= 0) {
        const { numbers } = cells
        value = inCells.add(numbers, at, record, timestamp)
        if (value === undefined) result = inCells.result(numbers, at)
      } else {
        const stored = table.get()
        value = aggregate.add(stored === undefined ? aggregate.create() : stored, record, timestamp)
      }
      if (value !== undefined) {
        table.put(value)
        result = aggregate.result(value)
      }`
}

function refusalOf(what: string): (returned: PromiseLike<unknown>) => never {
  return (returned) => {
    throw promiseRefusal(what, returned)
  }
}

const ENDS = {
  emit: {
    start: '',
    before: 'if (output.isFull) return i',
    give: 'output.emit(given, timestamp)',
    finish: '',
  },
  fill: {
    start: FILL_CODE.start,
    before: '',
    give: FILL_CODE.give('given', 'timestamp'),
    finish: FILL_CODE.finish,
  },
} as const

function generateLoops(state: FoldState, code: FoldCode): FoldLoops {
  return { emit: generateLoop(state, code, 'emit'), fill: generateLoop(state, code, 'fill') }
}

function generateLoop<Output>(
  { uid, key, state, table }: FoldState,
  code: FoldCode,
  kind: keyof typeof ENDS,
): FoldLoop<Output> {
  const end = ENDS[kind]
  const calls = { ...code.calls, keyOf: compileKeySelector(key), hashKey, state, table }
  const text = `'use strict'
const { ${Object.keys(calls).join(', ')} } = calls
const groups = state.maxParallelism
return function keyedFold(batch, from, to, output) {
  const { records, timestamps, keyHashes } = batch
  ${end.start}
  for (let i = from; i < to; i++) {
      ${end.before}
      const record = records[i]
      const timestamp = timestamps[i]
      ${CHOOSE_KEY}
      ${code.fold}
      ${code.give}
      ${end.give}
  }
  ${end.finish}
  return to
}
//# sourceURL=millrace:fold/${encodeURIComponent(uid)}`
  // The text holds nothing of the user; the uid is encoded and stands in a comment.
  return new Function('calls', text)(calls) as FoldLoop<Output>
}
