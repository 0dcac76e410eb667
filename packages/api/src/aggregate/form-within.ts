/**
 * The form of accumulators that hold values of the user's at certain places. What `FormOptions` say of the values is said
 * here of the whole accumulator, so that nobody has to know what an aggregate keeps beside them.
 */
import { isPromise, synchronousResult } from '../function/synchronous-result.ts'
import type { SchemaResult, StandardSchema } from '../job/standard-schema.ts'
import type { AnySchema, ValueForm } from '../state/state-evolution.ts'
import type { AggregateFunction } from './aggregate-function.ts'
import { returnedNothing } from './checked-calls.ts'

/** An accumulator like `stored`, with each value in it as `convert` gives it. It leaves `stored` as it is. */
export type ConvertWithin<A> = (stored: A, convert: (value: unknown) => unknown) => A

/** How accumulators are stored, as an aggregate declares it. */
export type AccumulatorForm<A> = Pick<AggregateFunction<unknown, A, unknown>, 'version' | 'migrate' | 'schema'>

/** Nothing where nothing is declared. */
export function formWithin<A>({ version, evolution }: ValueForm, within: ConvertWithin<A>): AccumulatorForm<A> {
  const { migrate, schema } = evolution ?? {}
  return {
    ...(version === 1 ? {} : { version }),
    ...(migrate === undefined
      ? {}
      : {
          migrate: (old: unknown, fromVersion: number): A =>
            within(old as A, (value) => migrated(value, migrate(value, fromVersion))),
        }),
    ...(schema === undefined ? {} : { schema: schemaWithin(schema, within) }),
  }
}

/** Of what `migrate` gave for a value. */
function migrated(before: unknown, value: unknown): unknown {
  if (value === undefined && before !== undefined) {
    throw returnedNothing('migrate', 'migrate(old, fromVersion) must return a value.')
  }
  return synchronousResult('migrate', value)
}

/** Its description is that of the values: accumulators are compared with those of the same aggregate only. */
function schemaWithin<A>(schema: AnySchema, within: ConvertWithin<A>): StandardSchema<unknown, A> {
  const { version, vendor, jsonSchema } = schema['~standard']
  return {
    '~standard': {
      version,
      vendor,
      validate(stored) {
        let refused: SchemaResult<A> | Promise<SchemaResult<A>> | undefined
        const value = within(stored as A, (one) => {
          if (refused !== undefined) return one
          const result = schema['~standard'].validate(one)
          if (!isPromise(result) && result.issues === undefined) return result.value
          // Whoever asked refuses a promise, whatever comes of it.
          refused = result as SchemaResult<A> | Promise<SchemaResult<A>>
          return one
        })
        return refused ?? { value }
      },
      ...(jsonSchema === undefined ? {} : { jsonSchema }),
    },
  }
}
