/**
 * The loop that makes records of what windows come to, generated for one aggregate, one projection and one form of
 * accumulators. As everywhere, the text holds engine code only; the aggregate and the projection are called by reference,
 * so V8 inlines them, and an array that is made for them need not become an object (decision 0040).
 */
import { synchronousResult, type WindowSpec } from '@millrace/api'
import type { ReadyRows } from '../window/window-firing.ts'
import type { OperatorOutput } from './operator.ts'

/** Emits rows `from …` that are ready for window `number`, until `output` is full; returns the first row that it did not emit. */
export type ResultLoop = (
  rows: ReadyRows,
  from: number,
  to: number,
  number: number,
  projected: Parameters<WindowSpec['project']>[1],
  output: OperatorOutput,
  timestamp: number,
) => number

export interface ResultLoopShape {
  readonly aggregate: Pick<WindowSpec['aggregate'], 'result'>
  readonly project: WindowSpec['project']
  /** Numbers of an accumulator; 0: it is a number, not an array of one. */
  readonly width: number
  readonly uid: string
}

export function generateResultLoop({ aggregate, project, width, uid }: ResultLoopShape): ResultLoop {
  const items = Array.from({ length: width }, (_, i) => `numbers[i * ${width} + ${i}]`)
  const accumulator = width === 0 ? 'numbers[i]' : `[${items.join(', ')}]`
  const code = `'use strict'
return function results(rows, from, to, number, projected, output, timestamp) {
  const { keys, wholeUntil, whole: { numbers } } = rows
  let i = from
  for (; i < to && wholeUntil[i] > number && !output.isFull; i++) {
    projected.key = keys[i]
    const record = project(aggregate.result(${accumulator}), projected)
    if (typeof record === 'object' && record !== null && typeof record.then === 'function') checked('The projection', record)
    output.emit(record, timestamp)
  }
  return i
}
//# sourceURL=millrace:results/${encodeURIComponent(uid)}`
  // The text holds numbers only; the uid is encoded and stands in a comment.
  return new Function('aggregate', 'project', 'checked', code)(aggregate, project, synchronousResult) as ResultLoop
}
