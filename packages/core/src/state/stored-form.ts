/**
 * What is known of the form of stored values beside kind and version: the name of the aggregate whose accumulators they
 * are, or the JSON Schema of the declared schemas. It is in manifests, so that a later job can be compared with it.
 */
import type { AnySchema, StateEvolution } from '@millrace/api'
import type { DescribedSchema } from './compare-schemas.ts'

export type StoredForm =
  | AggregateForm
  /** JSON Schema as text with sorted names, where the library of the schema gives one. */
  | { readonly kind: 'schema'; readonly value: string | undefined; readonly key: string | undefined }

export interface AggregateForm {
  readonly kind: 'aggregate'
  readonly name: string
  /** Of several aggregates, whose accumulators stand in an array in this order. Before version 4 left out where some share values. */
  readonly parts?: readonly StoredPart[]
  /** JSON Schema of accumulators as text, or of the values in them. */
  readonly schema?: string
}

/** One of several aggregates. */
export interface StoredPart {
  /** Of its result. */
  readonly name: string
  /** What it is: `count`, `sum`, … */
  readonly aggregate: string
  readonly version: number
  /** The place of the accumulator that holds its values with those of others; left out where its accumulator is its own. */
  readonly heldAt?: number
  readonly schema?: string
}

/** Of a state with schemas; `undefined` where none describes itself. */
export function schemaForm(evolution: StateEvolution | undefined): StoredForm | undefined {
  const value = jsonSchemaOf(evolution?.schema)
  const key = jsonSchemaOf(evolution?.keySchema)
  return value === undefined && key === undefined ? undefined : { kind: 'schema', value, key }
}

/** What a schema takes may be less than it gives, where it fills in, or something else, where it transforms. */
export function describedSchema(schema: AnySchema | undefined): DescribedSchema {
  return { takes: jsonSchemaOf(schema, 'input'), gives: jsonSchemaOf(schema) }
}

/** As text; `undefined` where the library gives none, or cannot for this schema (dates, bigints, transformations). */
export function jsonSchemaOf(schema: AnySchema | undefined, side: 'input' | 'output' = 'output'): string | undefined {
  try {
    const description = schema?.['~standard'].jsonSchema
    const target = { target: 'draft-2020-12' } as const
    const described = description?.[side]?.(target) ?? description?.output(target)
    return described === undefined ? undefined : JSON.stringify(sorted({ ...described, $schema: undefined }))
  } catch {
    // Its values are then checked one by one.
    return undefined
  }
}

function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted)
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(
    Object.entries(json)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name, sorted(value)]),
  )
}
