/**
 * Checks that every caller of an options bag shares: nothing unknown, and values of the declared form. Each throws a
 * `MillraceError` that names the call and the option.
 */
import { MillraceError } from '../error/millrace-error.ts'
import { nearestName } from './nearest-name.ts'

/**
 * Refuses options that `call` does not have (`OPTION_UNKNOWN`, with the nearest known one) and a bag that is no object
 * (`OPTION_INVALID`). A missing bag is fine.
 */
export function checkOptions(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(call, 'options', options, 'an object')
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    throw new MillraceError('OPTION_UNKNOWN', `${call} has no option "${name}"`, {
      details: { call, option: name },
      hint: nearest === undefined ? `It has ${known.join(', ')}.` : `Did you mean "${nearest}"?`,
    })
  }
}

/** A whole number from `min` to `max`, or `undefined` when the option was left out. */
export function checkWholeNumber(
  call: string,
  option: string,
  value: unknown,
  range: { readonly min: number; readonly max?: number },
): number | undefined {
  if (value === undefined) return undefined
  const max = range.max ?? Number.MAX_SAFE_INTEGER
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < range.min || value > max) {
    const upTo = range.max === undefined ? `of at least ${range.min}` : `from ${range.min} to ${range.max}`
    throw invalidOption(call, option, value, `a whole number ${upTo}`)
  }
  return value
}

/** A text that is not empty, or `undefined` when the option was left out. */
export function checkText(call: string, option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.trim() === '') throw invalidOption(call, option, value, 'a text')
  return value
}

/** One of the allowed words, or `undefined` when the option was left out. */
export function checkChoice<Choice extends string>(
  call: string,
  option: string,
  value: unknown,
  choices: readonly Choice[],
): Choice | undefined {
  if (value === undefined) return undefined
  const choice = choices.find((allowed) => allowed === value)
  if (choice === undefined) {
    throw invalidOption(call, option, value, choices.map((allowed) => `"${allowed}"`).join(' or '))
  }
  return choice
}

/** Refuses what must be a function and is not; plain JavaScript callers get no help from a compiler. */
export function checkFunction(call: string, option: string, value: unknown): void {
  if (typeof value !== 'function') throw invalidOption(call, option, value, 'a function')
}

/** The error for an option with a value that it does not accept. */
export function invalidOption(call: string, option: string, value: unknown, expected: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `${call}: ${option} must be ${expected}, not ${describe(value)}`, {
    details: { call, option },
  })
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' || typeof value === 'function' ? `a value of type ${typeof value}` : String(value)
}
