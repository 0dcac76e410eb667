/** A job as its file exports it: name, parameters, and the function that writes its steps. */
import type { NothingReturned } from '../function/synchronous-result.ts'
import { checkFunction, checkOptions, invalidOption } from '../option/check-options.ts'
import type { Env } from '../stream/env.ts'
import type { SchemaOutput, StandardSchema } from './standard-schema.ts'

/** Parameters of a job without a schema: whatever the command line gave, unchecked. */
export type UncheckedParams = Readonly<Record<string, unknown>>

/** Marks job definitions across copies of this package, as when a bundle brings its own. */
const JOB_MARK = Symbol.for('millrace.job')

/** A checked job, ready for `buildGraph`; `P` are its parsed parameters. */
export interface JobDefinition<P = unknown> {
  readonly [JOB_MARK]: true
  readonly name: string
  readonly params: StandardSchema<unknown, P> | undefined
  build(env: Env, params: P): void
}

/** What `defineJob` takes. */
export interface JobDeclaration<Schema extends StandardSchema<unknown, unknown>> {
  /** Names the job and the folder of its checkpoints; letters, digits, spaces and `. _ -`. */
  readonly name: string
  /** Checks and types the parameters: any Standard Schema (Zod, Valibot, ArkType, …). Default: they come unchecked. */
  readonly params?: Schema
  /**
   * Writes the steps. Runs once in the coordinator and once in every slot and must do the same each time: synchronous,
   * no clock, no randomness (`BUILD_NOT_SYNCHRONOUS`, `BUILD_NOT_DETERMINISTIC`). What depends on those comes in as a
   * parameter or happens in functions of steps.
   */
  build(env: Env, params: SchemaOutput<Schema>): NothingReturned
}

/** Defines a job; the job file exports it as default. */
export function defineJob<Schema extends StandardSchema<unknown, unknown> = StandardSchema<unknown, UncheckedParams>>(
  job: JobDeclaration<Schema>,
): JobDefinition<SchemaOutput<Schema>> {
  checkOptions('defineJob', job, ['name', 'params', 'build'])
  const { name, params } = job
  if (typeof name !== 'string' || !/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(name)) {
    throw invalidOption('defineJob', 'name', name, 'a text of letters, digits, spaces and . _ - that starts with one')
  }
  checkFunction('defineJob', 'build', job.build)
  if (params !== undefined && typeof params['~standard']?.validate !== 'function') {
    throw invalidOption('defineJob', 'params', params, 'a Standard Schema, as z.object({ … })')
  }
  return {
    [JOB_MARK]: true,
    name,
    params: params as StandardSchema<unknown, SchemaOutput<Schema>> | undefined,
    build: (env, values) => job.build(env, values),
  }
}

/** Whether a value, as a module's default export, was made by `defineJob`. */
export function isJobDefinition(value: unknown): value is JobDefinition {
  return typeof value === 'object' && value !== null && JOB_MARK in value
}
