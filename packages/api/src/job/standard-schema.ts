/**
 * The part of the Standard Schema interface (https://standardschema.dev, version 1) that Millrace uses. Schemas of
 * Zod, Valibot, ArkType and others fulfil it; Millrace depends on none of them.
 */

/** A schema that checks values of unknown origin and turns them into `Output`. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** Of libraries that also describe their schemas (https://standardschema.dev/json-schema); may throw. */
    readonly jsonSchema?: SchemaDescription | undefined
    /** For the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** Describes a schema as JSON Schemas: what it takes, and what it gives. */
interface SchemaDescription {
  readonly input?: (options: DescriptionOptions) => Record<string, unknown>
  readonly output: (options: DescriptionOptions) => Record<string, unknown>
}

interface DescriptionOptions {
  readonly target: 'draft-2020-12'
}

/** A value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One complaint of a schema. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a schema gives. */
export type SchemaOutput<Schema extends StandardSchema<unknown, unknown>> = NonNullable<
  Schema['~standard']['types']
>['output']
