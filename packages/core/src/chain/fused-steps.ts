/**
 * Several `map` and `filter` steps in a row as one operator with one generated loop. The generated code holds engine
 * code only and calls the user's functions by reference (`step-functions.ts`). Each record gives at most one, so the
 * loop needs room for one record per turn. Steps that follow a source are part of its loop instead (`source-loop.ts`).
 *
 * Where the output takes whole batches (the next stage of the chain) the loop fills one and hands it over at its end,
 * or when what it holds is enough to fill that stage in bytes; else it emits record by record and stops when the output
 * is full.
 *
 * Measured (decisions 0004 and 0010).
 */
import { BATCH_RECORDS_MAX, type RecordBatch } from '../batch/record-batch.ts'
import type { OperatorHost, OperatorOutput, TurnBudget } from '../operator/operator.ts'
import { RecordOperator } from '../operator/record-operator.ts'
import { BatchFilling, FILL_CODE, type FilledBatch } from './batch-filling.ts'
import { type FusedStep, functionsCode, refuse, type StepFunction, StepFunctions, stepsCode } from './step-functions.ts'

/** Runs records from … to and returns the index after the last one taken; `progress` gets the position of a failure. */
type FusedLoop<Output> = (
  records: readonly unknown[],
  timestamps: readonly number[],
  from: number,
  to: number,
  output: Output,
  progress: { step: number },
  functions: readonly StepFunction[],
  refuse: (returned: PromiseLike<unknown>) => never,
) => number

export class FusedSteps extends RecordOperator {
  readonly #steps: readonly FusedStep[]
  readonly #emitLoop: FusedLoop<OperatorOutput>
  readonly #fillLoop: FusedLoop<FilledBatch>
  readonly #progress = { step: 0 }
  readonly #filling = new BatchFilling()
  #functions: StepFunctions | undefined
  #output: OperatorOutput | undefined

  constructor(steps: readonly FusedStep[]) {
    super()
    this.#steps = steps
    this.#emitLoop = generateLoop(steps, EMIT)
    this.#fillLoop = generateLoop(steps, FILL)
  }

  override open(host: OperatorHost): void {
    this.#output = host.output
    this.#functions = new StepFunctions(this.#steps, host)
  }

  override processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const output = this.#output as OperatorOutput
    const functions = this.#functions as StepFunctions
    const { records, timestamps } = batch
    const to = Math.min(records.length, from + budget.units)
    const isFilled = output.pushBatch !== undefined && to - from <= BATCH_RECORDS_MAX
    let next: number
    try {
      next = isFilled
        ? this.#filling.fill(from, to, output, (sliceFrom, sliceTo, filled) =>
            this.#fillLoop(records, timestamps, sliceFrom, sliceTo, filled, this.#progress, functions.calls, refuse),
          )
        : this.#emitLoop(records, timestamps, from, to, output, this.#progress, functions.calls, refuse)
    } catch (cause) {
      throw functions.describe(cause, this.#progress.step)
    }
    if (isFilled) output.pushBatch?.(this.#filling.filled, this.#filling.filledBytes)
    budget.units -= next - from
    return next
  }
}

/** What differs between the loops: before the first record, before each, with each that is left, and after the last. */
interface LoopEnd {
  readonly start: string
  readonly before: string
  give(steps: number): string
  readonly finish: string
}

const EMIT: LoopEnd = {
  start: '',
  before: 'if (output.isFull) return i',
  give: (steps) => `step = ${steps}; output.emit(record, timestamps[i])`,
  finish: '',
}
const FILL: LoopEnd = {
  start: FILL_CODE.start,
  before: '',
  give: () => FILL_CODE.give('record', 'timestamps[i]'),
  finish: FILL_CODE.finish,
}

function generateLoop<Output>(steps: readonly FusedStep[], end: LoopEnd): FusedLoop<Output> {
  const code = `'use strict'
return function fusedSteps(records, timestamps, from, to, output, progress, functions, refuse) {
  ${functionsCode(steps)}
  ${end.start}
  let step = 0
  let i = from
  try {
    for (; i < to; i++) {
      ${end.before}
      let record = records[i]
${stepsCode(steps)}
      ${end.give(steps.length)}
    }
    ${end.finish}
  } catch (error) {
    progress.step = step
    throw error
  }
  return to
}
//# sourceURL=millrace:fused/${steps.map(({ uid }) => encodeURIComponent(uid)).join('+')}`
  // The text holds nothing but step indexes; uids are encoded and stand in a comment.
  return new Function(code)() as FusedLoop<Output>
}
