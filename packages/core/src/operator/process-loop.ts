/**
 * The loop of a keyed process function, generated for one step: chooses the record's key and calls the function, as long
 * as all outputs have room. Every step has a loop of its own, so that V8 inlines selector and function, which are called
 * by reference (decision 0042).
 */
import { type KeyedProcessSpec, type KeySelector, synchronousResult } from '@millrace/api'
import type { RecordBatch } from '../batch/record-batch.ts'
import { hashKey } from '../key/key-hash.ts'
import { compileKeySelector } from '../key/key-selector.ts'
import type { KeyedStateBackend } from '../state/state-backend.ts'
import type { Emission } from './emission.ts'
import { CHOOSE_KEY } from './record-key.ts'

/** Processes records from … to, and returns the index after the last one processed. */
export type ProcessLoop = (batch: RecordBatch, from: number, to: number) => number

export interface ProcessLoopParts {
  readonly uid: string
  readonly key: KeySelector
  readonly state: KeyedStateBackend
  readonly fn: KeyedProcessSpec['fn']
  readonly context: Parameters<KeyedProcessSpec['fn']['onRecord']>[1]
  readonly emission: Emission
  /** Gets the time of the record that is processed. */
  readonly current: { timestamp: number }
}

export function generateProcessLoop({ uid, key, ...parts }: ProcessLoopParts): ProcessLoop {
  const calls = { ...parts, keyOf: compileKeySelector(key), hashKey, synchronousResult }
  const isBlocked = parts.emission.onlyOutput === undefined ? 'emission.isBlocked()' : 'output.isFull'
  const code = `'use strict'
const { ${Object.keys(calls).join(', ')} } = calls
const groups = state.maxParallelism
const output = emission.onlyOutput
return function keyedProcess(batch, from, to) {
  const { records, timestamps, keyHashes } = batch
  for (let i = from; i < to; i++) {
    if (${isBlocked}) return i
    const record = records[i]
    const timestamp = timestamps[i]
    ${CHOOSE_KEY}
    current.timestamp = timestamp
    emission.timestamp = timestamp
    const returned = fn.onRecord(record, context)
    if (returned !== undefined) synchronousResult('onRecord', returned)
  }
  return to
}
//# sourceURL=millrace:process/${encodeURIComponent(uid)}`
  // The text holds nothing of the user; the uid is encoded and stands in a comment.
  return new Function('calls', code)(calls) as ProcessLoop
}
