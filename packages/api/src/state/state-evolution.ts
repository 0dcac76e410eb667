/**
 * What a state says of forms other than its present one: how values of an older version become values of this one, and
 * by which schema values of unknown form are checked. Applied when state is restored, before the first record.
 */

import type { StandardSchema } from '../job/standard-schema.ts'
import { checkFunction, checkOptions, checkWholeNumber, invalidOption } from '../option/check-options.ts'

/** Any Standard Schema. */
export type AnySchema = StandardSchema<unknown, unknown>

/** For values of type `V`. */
export interface MigrationOptions<V> {
  /**
   * Makes a value of the declared version of one that was stored under an older one, `fromVersion`: of a list each element, of
   * a map the value of each entry. Called once for each stored value when it is restored, and again when the restore is
   * repeated: it must depend on its arguments alone. A method, so that `old` may be given the type that it had.
   */
  migrate?(old: unknown, fromVersion: number): V
}

/** How the values of type `V` are stored that a step or an aggregate keeps: the same as a state says of its own. */
export interface FormOptions<V> extends MigrationOptions<V> {
  /** Version of the stored form, a positive integer; default 1. An older one needs `migrate`, a newer one is refused. */
  readonly version?: number
  /** By which restored values of another form are checked before the first record, as those of `valueState(schema)`. */
  readonly schema?: StandardSchema<unknown, V>
}

export const FORM_OPTIONS = ['version', 'migrate', 'schema'] as const

/** For maps. */
export interface KeyMigrationOptions<K> {
  /** As `migrate`, for the keys within the map. Two keys must not become one. */
  migrateKey?(old: unknown, fromVersion: number): K
}

/** What a descriptor carries of it. */
export interface StateEvolution {
  readonly migrate?: ((old: unknown, fromVersion: number) => unknown) | undefined
  readonly migrateKey?: ((old: unknown, fromVersion: number) => unknown) | undefined
  /** Of values; of a list, of its elements. */
  readonly schema?: AnySchema | undefined
  /** Of the keys of a map. */
  readonly keySchema?: AnySchema | undefined
}

/** `FormOptions`, checked. */
export interface ValueForm {
  readonly version: number
  readonly evolution: StateEvolution | undefined
}

/** Throws `OPTION_UNKNOWN` and `OPTION_INVALID`. */
export function parseForm(
  call: string,
  options: (Pick<StateEvolution, 'migrate' | 'schema'> & { readonly version?: number | undefined }) | undefined,
): ValueForm {
  checkOptions(call, options, FORM_OPTIONS)
  return {
    version: checkWholeNumber(call, 'version', options?.version, { min: 1 }) ?? 1,
    evolution: parseEvolution(call, { migrate: options?.migrate, schema: options?.schema }),
  }
}

/** Whether an argument is a schema: libraries make them objects or functions. */
export function isSchema(value: unknown): value is AnySchema {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Partial<AnySchema>)['~standard']?.validate === 'function'
  )
}

/** Checks the functions and leaves out what is not there; `undefined` when nothing is. */
export function parseEvolution(call: string, given: StateEvolution): StateEvolution | undefined {
  const { migrate, migrateKey, schema, keySchema } = given
  if (migrate !== undefined) checkFunction(call, 'migrate', migrate)
  if (migrateKey !== undefined) checkFunction(call, 'migrateKey', migrateKey)
  for (const [name, one] of Object.entries({ schema, keySchema })) {
    if (one !== undefined && !isSchema(one)) throw invalidOption(call, name, one, 'a Standard Schema')
  }
  const present = Object.entries({ migrate, migrateKey, schema, keySchema }).filter(([, value]) => value !== undefined)
  return present.length === 0 ? undefined : Object.fromEntries(present)
}
