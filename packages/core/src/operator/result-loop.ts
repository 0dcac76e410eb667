/**
 * The loop that makes records of what windows come to, generated for one aggregate, one projection and one form of
 * accumulators. As everywhere, the text holds engine code only; the aggregate and the projection are called by reference,
 * so V8 inlines them, and an array that is made for them need not become an object (decision 0040). Where the records are
 * combined before the next exchange, the loop ends in the combiner (0047).
 */
import { synchronousResult, type WindowSpec } from '@millrace/api'
import { type CombineForm, type Combining, combineCode } from '../combine/combine-loop.ts'
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
  combining?: Combining,
) => number

export interface ResultLoopShape {
  readonly aggregate: Pick<WindowSpec['aggregate'], 'result'>
  readonly project: WindowSpec['project']
  /** Numbers of an accumulator; 0: it is a number, not an array of one. */
  readonly width: number
  readonly uid: string
  /** What the combiner's code is generated for, if there is one. */
  readonly combine?: CombineForm | undefined
}

export function generateResultLoop({ aggregate, project, width, uid, combine }: ResultLoopShape): ResultLoop {
  const items = Array.from({ length: width }, (_, i) => `numbers[i * ${width} + ${i}]`)
  const accumulator = width === 0 ? 'numbers[i]' : `[${items.join(', ')}]`
  const emit = { start: '', take: 'output.emit(record, timestamp)', end: '' }
  const { start, take, end } = combine === undefined ? emit : combineCode(combine)
  const code = `'use strict'
return function results(rows, from, to, number, projected, output, timestamp, combining) {
  const { keys, wholeUntil, whole: { numbers } } = rows
  ${start}
  let i = from
  for (; i < to && wholeUntil[i] > number && !output.isFull; i++) {
    projected.key = keys[i]
    const record = project(aggregate.result(${accumulator}), projected)
    if (typeof record === 'object' && record !== null && typeof record.then === 'function') checked('The projection', record)
    ${take}
  }
  ${end}
  return i
}
//# sourceURL=millrace:results/${encodeURIComponent(uid)}`
  // The text holds numbers only; the uid is encoded and stands in a comment.
  return new Function('aggregate', 'project', 'checked', code)(aggregate, project, synchronousResult) as ResultLoop
}
