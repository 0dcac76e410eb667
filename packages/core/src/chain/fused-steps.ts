/**
 * Several `map` and `filter` steps in a row as one operator with one generated loop. The generated code holds engine
 * code only and calls the user's functions by reference, so V8 inlines them and traces and profiles show the user's
 * own lines. Each record gives at most one, so the loop needs room for one record per turn.
 *
 * Where the output takes whole batches (the next stage of the chain) the loop fills one and hands it over at its end,
 * or when what it holds is enough to fill that stage in bytes; else it emits record by record and stops when the output
 * is full.
 *
 * Measured (decisions 0004 and 0010).
 */
import { type FilterSpec, type MapSpec, MillraceError, promiseRefusal } from '@millrace/api'
import { BATCH_RECORDS_MAX, createBatch, type RecordBatch } from '../batch/record-batch.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import type { Operator, OperatorHost, OperatorOutput, TurnBudget } from '../operator/operator.ts'
import { describeMutation, isFrozenWrite } from '../operator/user-failure.ts'
import { deepFreeze } from '../state/deep-freeze.ts'
import { STAGE_BYTES_MAX } from './stage-inbox.ts'

/** A batch is filled in slices, and looked at after each: bounds what records can take that grow on their way. */
const FILL_SLICE_RECORDS_MAX = 128
const FILL_SLICE_BYTES = 256 * 1024

export interface FusedStep {
  readonly uid: string
  readonly name: string
  readonly spec: MapSpec | FilterSpec
}

/** Runs records from … to and returns the index after the last one taken; `progress` gets the position of a failure. */
type FusedLoop<Output> = (
  records: readonly unknown[],
  timestamps: readonly number[],
  from: number,
  to: number,
  output: Output,
  progress: { step: number },
  functions: readonly ((record: unknown) => unknown)[],
  refuse: (returned: PromiseLike<unknown>) => never,
) => number

export class FusedSteps implements Operator {
  readonly #steps: readonly FusedStep[]
  #functions: readonly ((record: unknown) => unknown)[]
  readonly #emitLoop: FusedLoop<OperatorOutput>
  readonly #fillLoop: FusedLoop<RecordBatch>
  readonly #progress = { step: 0 }
  #output: OperatorOutput | undefined
  #subtask = 0
  #developmentMode = false
  #fillSliceRecords = 32

  constructor(steps: readonly FusedStep[]) {
    this.#steps = steps
    this.#functions = steps.map(({ spec }) => (spec.kind === 'map' ? spec.map : spec.filter))
    this.#emitLoop = generateLoop(steps, EMIT)
    this.#fillLoop = generateLoop(steps, FILL)
  }

  open(host: OperatorHost): void {
    this.#output = host.output
    this.#subtask = host.subtask
    this.#developmentMode = host.developmentMode
    // Between two of these steps there is no output that could freeze what the first one gives.
    if (host.developmentMode) {
      this.#functions = this.#functions.map((call, index) =>
        this.#steps[index]?.spec.kind === 'map' ? (record) => deepFreeze(call(record)) : call,
      )
    }
  }

  processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const output = this.#output as OperatorOutput
    const { records, timestamps } = batch
    const to = Math.min(records.length, from + budget.units)
    const filled = output.pushBatch !== undefined && to - from <= BATCH_RECORDS_MAX ? createBatch() : undefined
    let next: number
    try {
      next =
        filled === undefined
          ? this.#emitLoop(records, timestamps, from, to, output, this.#progress, this.#functions, refuse)
          : this.#fill(batch, from, to, filled)
    } catch (cause) {
      throw this.#describe(cause)
    }
    if (filled !== undefined) output.pushBatch?.(filled)
    budget.units -= next - from
    return next
  }

  advanceWatermark(): boolean {
    return true
  }

  advanceProcessingTime(): boolean {
    return true
  }

  nextProcessingTimeMs(): undefined {
    return undefined
  }

  finish(): boolean {
    return true
  }

  close(): void {}

  /** Runs records until `to` or until `filled` is large in bytes; returns the index after the last one taken. */
  #fill({ records, timestamps }: RecordBatch, from: number, to: number, filled: RecordBatch): number {
    let next = from
    let bytes = 0
    while (next < to && bytes < STAGE_BYTES_MAX) {
      const filledBefore = filled.records.length
      const sliceEnd = Math.min(to, next + this.#fillSliceRecords)
      next = this.#fillLoop(records, timestamps, next, sliceEnd, filled, this.#progress, this.#functions, refuse)
      const given = filled.records.length - filledBefore
      if (given === 0) continue
      const recordBytes = estimateRecordBytes(filled.records[filledBefore])
      bytes += given * recordBytes
      this.#fillSliceRecords = Math.max(1, Math.min(FILL_SLICE_RECORDS_MAX, Math.floor(FILL_SLICE_BYTES / recordBytes)))
    }
    return next
  }

  #describe(cause: unknown): unknown {
    const step = this.#steps[this.#progress.step]
    // Behind the last step it was the output that threw, which knows better what happened.
    if (cause instanceof MillraceError || step === undefined) return cause
    const { name, uid, spec } = step
    const what = `The ${spec.kind} function of "${name}"`
    const details = { operator: name, uid, subtask: this.#subtask }
    if (cause instanceof PromiseReturned) {
      const { message, hint } = promiseRefusal(what, cause.promise)
      return new MillraceError('USER_FUNCTION_FAILED', message, { details, ...(hint === undefined ? {} : { hint }) })
    }
    if (this.#developmentMode && isFrozenWrite(cause)) return describeMutation(name, details, cause)
    return new MillraceError('USER_FUNCTION_FAILED', `${what} threw: ${messageOf(cause)}`, { details, cause })
  }
}

/** Carries a promise out of the loop to where the step's name is known. */
class PromiseReturned {
  readonly promise: PromiseLike<unknown>

  constructor(promise: PromiseLike<unknown>) {
    this.promise = promise
  }
}

function refuse(promise: PromiseLike<unknown>): never {
  throw new PromiseReturned(promise)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** What differs between the loops: before the first record, before each, and with each that is left. */
interface LoopEnd {
  readonly start: string
  readonly before: string
  give(steps: number): string
}

const EMIT: LoopEnd = {
  start: '',
  before: 'if (output.isFull) return i',
  give: (steps) => `step = ${steps}; output.emit(record, timestamps[i])`,
}
const FILL: LoopEnd = {
  start: 'const outRecords = output.records, outTimestamps = output.timestamps',
  before: '',
  give: () => 'outRecords.push(record); outTimestamps.push(timestamps[i])',
}

/** Promises are found here: the next step would take one for its record, and as the answer of a filter it is true. */
const STEP_CODE: Readonly<Record<FusedStep['spec']['kind'], (index: number) => string>> = {
  map: (index) => `      step = ${index}; record = f${index}(record)
      if (typeof record === 'object' && record !== null && typeof record.then === 'function') refuse(record)`,
  filter: (index) => `      step = ${index}; const kept${index} = f${index}(record)
      if (!kept${index}) continue
      if (kept${index} !== true && typeof kept${index}.then === 'function') refuse(kept${index})`,
}

function generateLoop<Output>(steps: readonly FusedStep[], end: LoopEnd): FusedLoop<Output> {
  const body = steps.map(({ spec }, index) => STEP_CODE[spec.kind](index)).join('\n')
  const names = steps.map((_, index) => `f${index}`).join(', ')
  const code = `'use strict'
return function fusedSteps(records, timestamps, from, to, output, progress, functions, refuse) {
  const [${names}] = functions
  ${end.start}
  let step = 0
  let i = from
  try {
    for (; i < to; i++) {
      ${end.before}
      let record = records[i]
${body}
      ${end.give(steps.length)}
    }
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
