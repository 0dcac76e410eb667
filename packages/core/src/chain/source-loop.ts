/**
 * A source and the maps and filters behind it as one generated loop: takes or computes each record, gives it its
 * timestamp, shows it to the watermark generator, runs it through the steps and hands what is left to the output. So a
 * record is touched once, and one that goes no further is never put into an array.
 *
 * It knows nothing of splits, positions and watermarks that leave: that is the host's `SourceDriver`, which says which
 * records go in and is told how many did. Fewer do when the output has no more room, or when a batch is large in bytes.
 *
 * The generated code holds engine code only and calls the functions of source, strategy and steps by reference. Measured
 * (decision 0035).
 */
import {
  type ComputedBatch,
  promiseRefusal,
  RejectedInput,
  type SourceBatch,
  type WatermarkGenerator,
} from '@millrace/api'
import { BATCH_RECORDS_MAX, NO_TIMESTAMP } from '../batch/record-batch.ts'
import { type CombineForm, type Combining, combineCode } from '../combine/combine-loop.ts'
import type { OperatorOutput } from '../operator/operator.ts'
import { BatchFilling, FILL_CODE, type FilledBatch } from './batch-filling.ts'
import {
  type FusedStep,
  functionsCode,
  PromiseReturned,
  promiseCheck,
  refuse,
  type StepFunction,
  StepFunctions,
  stepsCode,
} from './step-functions.ts'

/** Whose call it was that failed before the first step. */
export type SourceCall = 'compute' | 'timestamp' | 'watermark'

export interface SourceLoopOptions {
  readonly uid: string
  readonly subtask: number
  readonly developmentMode: boolean
  readonly steps: readonly FusedStep[]
  readonly output: OperatorOutput
  /** Undefined: records have the timestamps that came with them, or none. */
  readonly timestamp: ((record: unknown) => number) | undefined
  readonly onRejected: (input: RejectedInput) => void
  /** Throws: a timestamp is no finite number. */
  readonly refuseTimestamp: (timestamp: unknown) => never
  /** What to throw for what such a call threw. */
  readonly describe: (call: SourceCall, cause: unknown) => unknown
}

export type SourceInput = SourceBatch<unknown> | ComputedBatch<unknown>

export function isComputed(input: SourceInput): input is ComputedBatch<unknown> {
  return 'compute' in input
}

export function lengthOf(input: SourceInput): number {
  return isComputed(input) ? input.count : input.records.length
}

/** What all loops of a source are given. */
interface LoopParts {
  readonly functions: readonly StepFunction[]
  readonly timestampOf: ((record: unknown) => number) | undefined
  readonly refuse: (returned: PromiseLike<unknown>) => never
  readonly refuseTimestamp: (timestamp: unknown) => never
  readonly onRejected: (input: RejectedInput) => void
  readonly Rejected: typeof RejectedInput
  readonly none: number
}

type Loop = (
  input: SourceInput,
  from: number,
  to: number,
  output: OperatorOutput | FilledBatch | Combining,
  marks: WatermarkGenerator<unknown> | undefined,
  parts: LoopParts,
  progress: { step: number },
) => number

/** Steps of the loop's code before the first one of the user's. */
const CALLS: readonly SourceCall[] = ['watermark', 'timestamp', 'compute']
const WATERMARK_STEP = -1
const TIMESTAMP_STEP = -2
const COMPUTE_STEP = -3

export class SourceLoop {
  readonly #options: SourceLoopOptions
  readonly #functions: StepFunctions
  readonly #parts: LoopParts
  readonly #loops = new Map<string, Loop>()
  readonly #filling = new BatchFilling()
  readonly #progress = { step: 0 }

  constructor(options: SourceLoopOptions) {
    const { steps, timestamp, refuseTimestamp, onRejected } = options
    this.#options = options
    this.#functions = new StepFunctions(steps, options)
    this.#parts = {
      functions: this.#functions.calls,
      timestampOf: timestamp,
      refuse,
      refuseTimestamp,
      onRejected,
      Rejected: RejectedInput,
      none: NO_TIMESTAMP,
    }
  }

  /** Runs records `from …` of a batch, at most up to `to`, and returns the index after the last one taken. */
  run(input: SourceInput, from: number, to: number, marks: WatermarkGenerator<unknown> | undefined): number {
    const { output } = this.#options
    const end = Math.min(to, from + BATCH_RECORDS_MAX)
    if (output.pushBatch === undefined)
      return this.#runLoop(this.#loopFor(input, 'emit'), input, from, end, output, marks)
    if (output.combining === undefined) return this.#fill(input, from, end, marks)
    let next = from
    // Up to the first record that the steps leave.
    for (let count = 1; next < end && (next === from || this.#filling.filled.records.length === 0); count *= 2) {
      next = this.#fill(input, next, Math.min(end, next + count), marks)
    }
    if (next === end) return end
    const combining = output.combining()
    return this.#runLoop(this.#loopFor(input, 'combine', combining.form), input, next, end, combining, marks)
  }

  #fill(input: SourceInput, from: number, to: number, marks: WatermarkGenerator<unknown> | undefined): number {
    const { output } = this.#options
    const loop = this.#loopFor(input, 'fill')
    const next = this.#filling.fill(from, to, output, (sliceFrom, sliceTo, filled) =>
      this.#runLoop(loop, input, sliceFrom, sliceTo, filled, marks),
    )
    output.pushBatch?.(this.#filling.filled, this.#filling.filledBytes)
    return next
  }

  #runLoop(
    loop: Loop,
    input: SourceInput,
    from: number,
    to: number,
    output: OperatorOutput | FilledBatch | Combining,
    marks: WatermarkGenerator<unknown> | undefined,
  ): number {
    this.#progress.step = 0
    try {
      return loop(input, from, to, output, marks, this.#parts, this.#progress)
    } catch (cause) {
      throw this.#describe(input, cause)
    }
  }

  #describe(input: SourceInput, cause: unknown): unknown {
    const { step } = this.#progress
    const call = CALLS[-1 - step]
    if (call === undefined) return this.#functions.describe(cause, step)
    const isPromise = cause instanceof PromiseReturned && isComputed(input)
    return this.#options.describe(call, isPromise ? promiseRefusal(input.name, cause.promise) : cause)
  }

  #loopFor(input: SourceInput, end: LoopEnd, combine?: CombineForm): Loop {
    const form: LoopForm = {
      records: isComputed(input) ? 'computed' : 'listed',
      time: this.#options.timestamp !== undefined ? 'strategy' : isTimed(input) ? 'given' : 'none',
      end,
    }
    const name = `${form.records} ${form.time} ${end} ${combine?.areNumbers}`
    let loop = this.#loops.get(name)
    if (loop === undefined) {
      loop = generateLoop(this.#options, form, combine)
      this.#loops.set(name, loop)
    }
    return loop
  }
}

function isTimed(input: SourceInput): boolean {
  return !isComputed(input) && input.timestamps !== undefined
}

interface LoopForm {
  readonly records: 'computed' | 'listed'
  readonly time: 'strategy' | 'given' | 'none'
  readonly end: LoopEnd
}

/** Record by record, into a batch, or into a combiner. */
type LoopEnd = 'emit' | 'fill' | 'combine'

const RECORD_CODE = {
  computed: {
    start: `const { compute, stride } = input
  let index = input.first + from * stride`,
    advance: ', index += stride',
    take: () => `step = ${COMPUTE_STEP}; let record = compute(index)
      ${promiseCheck('record')}`,
  },
  listed: {
    start: 'const { records, timestamps, hasRejected } = input',
    advance: '',
    take: (steps: number) => `let record = records[i]
      if (hasRejected === true && record instanceof Rejected) { step = ${steps}; onRejected(record); continue }`,
  },
} as const

const TIME_CODE = {
  strategy: `step = ${TIMESTAMP_STEP}; const timestamp = timestampOf(record)
      if (!Number.isFinite(timestamp)) refuseTimestamp(timestamp)
      step = ${WATERMARK_STEP}; marks.onRecord(timestamp, record)`,
  given: 'const timestamp = timestamps[i]',
  none: 'const timestamp = none',
} as const

interface EndCode {
  readonly start: string
  readonly before: string
  readonly give: string
  readonly finish: string
}

const FILL: EndCode = {
  start: FILL_CODE.start,
  before: '',
  give: FILL_CODE.give('record', 'timestamp'),
  finish: FILL_CODE.finish,
}
const EMIT: EndCode = {
  start: '',
  before: 'if (output.isFull) return i',
  give: 'output.emit(record, timestamp)',
  finish: '',
}

function endCode(end: LoopEnd, form: CombineForm | undefined): EndCode {
  if (form === undefined) return end === 'fill' ? FILL : EMIT
  const { start, take, end: finish } = combineCode(form)
  return { start: `const combining = output\n  ${start}`, before: '', give: take, finish }
}

function generateLoop({ uid, steps }: SourceLoopOptions, form: LoopForm, combine: CombineForm | undefined): Loop {
  const record = RECORD_CODE[form.records]
  const end = endCode(form.end, combine)
  const code = `'use strict'
return function sourceLoop(input, from, to, output, marks, parts, progress) {
  const { functions, timestampOf, refuse, refuseTimestamp, onRejected, Rejected, none } = parts
  ${functionsCode(steps)}
  ${record.start}
  ${end.start}
  let step = 0
  let i = from
  try {
    for (; i < to; i++${record.advance}) {
      ${end.before}
      ${record.take(steps.length)}
      ${TIME_CODE[form.time]}
${stepsCode(steps)}
      step = ${steps.length}
      ${end.give}
    }
    ${end.finish}
  } catch (error) {
    progress.step = step
    throw error
  }
  return to
}
//# sourceURL=millrace:source/${[uid, ...steps.map((step) => step.uid)].map(encodeURIComponent).join('+')}/${form.records}`
  // The text holds nothing but step indexes; uids are encoded and stand in a comment.
  return new Function(code)() as Loop
}
