/** The options that every step of a job takes as its last argument, and those of `reduce`. */
import { checkChoice, checkOptions, checkText, checkWholeNumber } from '../option/check-options.ts'
import { FORM_OPTIONS, type FormOptions, parseForm, type ValueForm } from '../state/state-evolution.ts'

/** Options of a step. All but `uid` may change between runs of a job. */
export interface StepOptions {
  /**
   * Names the step for good: its state is found under it after a restore. Default: derived from kind and position,
   * which changes when steps are added before it. Give one to every source, sink and stateful step.
   */
  readonly uid?: string
  /** What plan and metrics show; default from the kind. May change freely. */
  readonly name?: string
  /** How many subtasks run the step, 1 to 32,768; default: the job's. */
  readonly parallelism?: number
  /** Steps of different groups never share a slot. Default: that of its inputs if they agree, else `default`. */
  readonly slotSharingGroup?: string
  /**
   * `never`: neither chained to its input nor followed by a chained step; `head`: starts a chain. Default `always`:
   * chained wherever that is possible.
   */
  readonly chain?: 'always' | 'never' | 'head'
}

/** Of `reduce`, with and without windows: also how the folded records are stored. Aggregates declare that themselves. */
export interface ReduceOptions<T> extends StepOptions, FormOptions<T> {}

/** Key groups cannot be more, see `pipeline.max-parallelism`. */
const PARALLELISM_MAX = 32_768

const STEP_OPTIONS = ['uid', 'name', 'parallelism', 'slotSharingGroup', 'chain'] as const

/**
 * Checks the options of a call; `moreNames` are those that it has besides. Throws `OPTION_UNKNOWN` and
 * `OPTION_INVALID`.
 */
export function parseStepOptions(
  call: string,
  options: StepOptions | undefined,
  moreNames: readonly string[] = [],
): StepOptions {
  checkOptions(call, options, [...STEP_OPTIONS, ...moreNames])
  if (options === undefined) return {}
  checkText(call, 'uid', options.uid)
  checkText(call, 'name', options.name)
  checkWholeNumber(call, 'parallelism', options.parallelism, { min: 1, max: PARALLELISM_MAX })
  checkText(call, 'slotSharingGroup', options.slotSharingGroup)
  checkChoice(call, 'chain', options.chain, ['always', 'never', 'head'])
  return options
}

/** The options of a `reduce`, apart. Throws as `parseStepOptions`. */
export function parseReduceOptions<T>(
  call: string,
  options: ReduceOptions<T> | undefined,
): { readonly step: StepOptions; readonly form: ValueForm } {
  parseStepOptions(call, options, FORM_OPTIONS)
  const { version, migrate, schema, ...step } = options ?? {}
  return { step, form: parseForm(call, { version, migrate, schema }) }
}
