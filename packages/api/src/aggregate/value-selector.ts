/** What an aggregate looks at in a record: a field by name, or what a function gives. */
import { invalidOption } from '../option/check-options.ts'

/** Names of the fields of `T` whose values are `V`s. */
export type FieldOf<T, V> = { [Name in keyof T]-?: T[Name] extends V ? Name : never }[keyof T] & string

/** Values of which `countDistinct` can tell whether they differ. */
export type Countable = number | string | bigint | boolean

/** The function behind a field name or a function. Throws `OPTION_INVALID` for anything else. */
export function toSelect<T>(call: string, selector: unknown): (value: T) => unknown {
  if (typeof selector === 'function') return selector as (value: T) => unknown
  if (typeof selector === 'string') return (value) => (value as Record<string, unknown>)[selector]
  throw invalidOption(call, 'the value', selector, 'a field name or a function')
}
