/**
 * The loop of a running fold, generated for one step: chooses the record's key, takes the record into the stored value,
 * writes that, and gives the result. Every step has a loop of its own, so that V8 inlines what it calls: the selector,
 * the aggregate and the projection are called by reference, and traces and profiles show the user's own lines
 * (decision 0042).
 *
 * There are two ends: results go into a batch that is handed over whole, or one by one into an output, as long as that
 * has room.
 */
import {
  type KeyedAggregateSpec,
  type KeyedReduceSpec,
  type KeySelector,
  MillraceError,
  promiseRefusal,
} from '@millrace/api'
import { noAccumulator } from '../aggregate/fold-value.ts'
import { mayHoldParts, withoutParts } from '../aggregate/own-result.ts'
import type { RecordBatch } from '../batch/record-batch.ts'
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
  readonly fill: FoldLoop<RecordBatch>
}

/** What a fold works on. */
export interface FoldState {
  readonly uid: string
  readonly key: KeySelector
  readonly state: KeyedStateBackend
  readonly table: ValueTable<unknown>
}

/** From the variables `stored`, `record` and `timestamp` to `value`, which is stored, and to `given`, which leaves. */
interface FoldCode {
  readonly fold: string
  readonly give: string
  /** What the code calls, by name. */
  readonly calls: Readonly<Record<string, unknown>>
}

export function generateReduceLoops(state: FoldState, reduce: KeyedReduceSpec['reduce']): FoldLoops {
  return generateLoops(state, {
    fold: `let value = record
      if (stored !== undefined) {
        value = reduce(stored, record)
        ${promiseCheck('value')}
        if (value === undefined) refuseUndefined()
      }`,
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
  const holds =
    aggregate.holdsObjects === undefined ? 'mayHoldParts(aggregate, result, value)' : 'aggregate.holdsObjects(result)'
  return generateLoops(state, {
    // One that begins with `undefined`, as min() does, may stay so.
    fold: `const before = stored === undefined ? aggregate.create() : stored
      const value = aggregate.add(before, record, timestamp)
      if (value === undefined && before !== undefined) refuseUndefined()`,
    give: `const result = aggregate.result(value)
      let given = project(result, context)
      ${promiseCheck('given')}
      if (${holds}) given = withoutParts(given, value)`,
    calls: {
      aggregate,
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
  },
  fill: {
    start: 'const outRecords = output.records, outTimestamps = output.timestamps',
    before: '',
    give: 'outRecords.push(given); outTimestamps.push(timestamp)',
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
      const stored = table.get()
      ${code.fold}
      table.put(value)
      ${code.give}
      ${end.give}
  }
  return to
}
//# sourceURL=millrace:fold/${encodeURIComponent(uid)}`
  // The text holds nothing of the user; the uid is encoded and stands in a comment.
  return new Function('calls', text)(calls) as FoldLoop<Output>
}
