/**
 * The functions of maps and filters that run as one generated loop: how each is called in its code, and what an error in
 * one of them is called. Loops (`fused-steps.ts`, `source-loop.ts`) call them by reference, so V8 inlines them and traces
 * and profiles show the user's own lines.
 */
import { type FilterSpec, type MapSpec, MillraceError, promiseRefusal } from '@millrace/api'
import { describeMutation, isFrozenWrite } from '../operator/user-failure.ts'
import { deepFreeze } from '../state/deep-freeze.ts'

export interface FusedStep {
  readonly uid: string
  readonly name: string
  readonly spec: MapSpec | FilterSpec
}

export type StepFunction = (record: unknown) => unknown

export interface StepFunctionsOptions {
  readonly subtask: number
  readonly developmentMode: boolean
}

export class StepFunctions {
  readonly calls: readonly StepFunction[]
  readonly #steps: readonly FusedStep[]
  readonly #options: StepFunctionsOptions

  constructor(steps: readonly FusedStep[], options: StepFunctionsOptions) {
    this.#steps = steps
    this.#options = options
    this.calls = steps.map(({ spec }, index) => {
      const call: StepFunction = spec.kind === 'map' ? spec.map : spec.filter
      return options.developmentMode ? frozen(call, index, spec.kind) : call
    })
  }

  /** What to throw for `cause`, which was thrown at the step of an index; behind the last one it was the output that threw. */
  describe(cause: unknown, index: number): unknown {
    const step = this.#steps[index]
    // An output knows better what happened.
    if (cause instanceof MillraceError || step === undefined) return cause
    const { name, uid, spec } = step
    const { subtask, developmentMode } = this.#options
    const what = `The ${spec.kind} function of "${name}"`
    const details = { operator: name, uid, subtask }
    if (cause instanceof PromiseReturned) {
      const { message, hint } = promiseRefusal(what, cause.promise)
      return new MillraceError('USER_FUNCTION_FAILED', message, { details, ...(hint === undefined ? {} : { hint }) })
    }
    if (developmentMode && isFrozenWrite(cause)) return describeMutation(name, details, cause)
    return new MillraceError('USER_FUNCTION_FAILED', `${what} threw: ${messageOf(cause)}`, { details, cause })
  }
}

/** Between two of these steps, and between a source and the first, there is no output that could freeze a record. */
function frozen(call: StepFunction, index: number, kind: FusedStep['spec']['kind']): StepFunction {
  const given: StepFunction = index === 0 ? (record) => call(deepFreeze(record)) : call
  return kind === 'map' ? (record) => deepFreeze(given(record)) : given
}

/** Promises are found here: the next step would take one for its record, and as the answer of a filter it is true. */
const STEP_CODE: Readonly<Record<FusedStep['spec']['kind'], (index: number) => string>> = {
  map: (index) => `      step = ${index}; record = f${index}(record)
      ${promiseCheck('record')}`,
  filter: (index) => `      step = ${index}; const kept${index} = f${index}(record)
      if (!kept${index}) continue
      if (kept${index} !== true && typeof kept${index}.then === 'function') refuse(kept${index})`,
}

/** Code that hands a promise to `refuse`, which is a variable of the loop. */
export function promiseCheck(variable: string): string {
  return `if (typeof ${variable} === 'object' && ${variable} !== null && typeof ${variable}.then === 'function') refuse(${variable})`
}

/** Code that takes the functions `f0`, `f1`, … out of the variable `functions`. */
export function functionsCode(steps: readonly FusedStep[]): string {
  return `const [${steps.map((_, index) => `f${index}`).join(', ')}] = functions`
}

/** Code that runs the variable `record` through all steps, and goes on with the next record when a filter drops it. */
export function stepsCode(steps: readonly FusedStep[]): string {
  return steps.map(({ spec }, index) => STEP_CODE[spec.kind](index)).join('\n')
}

/** Carries a promise out of a loop to where the step's name is known. */
export class PromiseReturned {
  readonly promise: PromiseLike<unknown>

  constructor(promise: PromiseLike<unknown>) {
    this.promise = promise
  }
}

export function refuse(promise: PromiseLike<unknown>): never {
  throw new PromiseReturned(promise)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
