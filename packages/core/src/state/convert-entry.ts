/**
 * Makes what the job declares of one stored entry: by `migrate` when it is of an older version, and through the schema
 * where that could not be compared. Errors name operator, state and key, so that the one value that is at fault can be
 * looked at.
 *
 * Invariant: what comes out can be stored, and the schema leaves it as it is: restoring it again changes nothing.
 */
import { type AggregatePart, type AnySchema, isPromise, MillraceError, type SchemaIssue } from '@millrace/api'
import { ByteWriter } from '../codec/byte-writer.ts'
import { assertEncodable } from '../codec/encodable.ts'
import { encodeValue } from '../codec/value-codec.ts'
import { valueToJson } from '../codec/value-json.ts'
import type { DeclaredTable } from './declared-tables.ts'
import type { TableReading } from './stored-state-check.ts'

/** An entry of a segment; `sub` is the user key of a map, the time of timers and windows. */
export interface StoredEntry {
  readonly key: unknown
  readonly sub: unknown
  readonly value: unknown
}

export type Conversion = TableReading & { readonly kind: 'converted' }

/** Throws `STATE_MIGRATION_FAILED` and `STATE_INCOMPATIBLE`. */
export function convertEntry(
  entry: StoredEntry,
  { descriptor, evolution = {}, parts = [] }: DeclaredTable,
  { fromVersion, validates, parts: reading }: Conversion,
): Pick<StoredEntry, 'sub' | 'value'> {
  const { kind, name, operatorUid } = descriptor
  const what = `State "${name}" of operator "${operatorUid}", key ${shown(entry.key)}`
  const details = { operator: operatorUid, state: name, key: shown(entry.key) }
  const made = (call: string, from: number, version: number, make: () => unknown): unknown => {
    try {
      const value = make()
      if (value === undefined) throw new TypeError(`${call} returned nothing`)
      if (isPromise(value)) throw new TypeError(`${call} returned a promise; it must be synchronous`)
      assertEncodable(value, 'value')
      return value
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      throw new MillraceError(
        'STATE_MIGRATION_FAILED',
        `${what}: ${call} from version ${from} to ${version} failed: ${problem}`,
        {
          details: { ...details, fromVersion: from, version },
          hint: `Look at the value with millrace state show, correct ${call}, and restore again: nothing was changed.`,
          cause,
        },
      )
    }
  }
  const migrated = (call: 'migrate' | 'migrateKey', value: unknown): unknown => {
    const migrate = evolution[call]
    if (fromVersion === undefined || migrate === undefined) return value
    return made(call, fromVersion, descriptor.version, () => migrate(value, fromVersion))
  }
  if (reading !== undefined) {
    const stored = entry.value as readonly unknown[]
    const value = reading.parts.map((part, at) => {
      const { name, aggregate } = parts[at] as AggregatePart
      if (part.kind === 'new') return aggregate.create()
      const { place, fromVersion: from } = part
      if (from === undefined) return stored[place]
      return made(`migrate of "${name}"`, from, aggregate.version ?? 1, () => aggregate.migrate?.(stored[place], from))
    })
    return { sub: entry.sub, value }
  }
  const checked = (schema: AnySchema | undefined, value: unknown, place: string): unknown => {
    if (!validates || schema === undefined) return value
    const once = validated(schema, value)
    if ('problem' in once) throw incompatible(`${what}: ${place}${once.problem}`, details)
    const twice = validated(schema, once.value)
    if ('problem' in twice || !isSameValue(once.value, twice.value)) {
      throw incompatible(`${what}: the schema changes what it gives itself, so stored values would change`, details)
    }
    return once.value
  }
  const convert = (value: unknown, place: string): unknown =>
    checked(evolution.schema, migrated('migrate', value), place)
  const sub = kind === 'map' ? checked(evolution.keySchema, migrated('migrateKey', entry.sub), 'map key') : entry.sub
  if (kind === 'list') {
    return { sub, value: (entry.value as readonly unknown[]).map((element, i) => convert(element, `element ${i}`)) }
  }
  return { sub, value: convert(entry.value, 'value') }
}

function validated(schema: AnySchema, value: unknown): { readonly value: unknown } | { readonly problem: string } {
  let result: ReturnType<AnySchema['~standard']['validate']>
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    return { problem: ` the schema threw: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (isPromise(result)) {
    result.then(ignore, ignore)
    return { problem: ' the schema is asynchronous, which schemas of state may not be' }
  }
  if (result.issues !== undefined) return { problem: result.issues.map(describeIssue).join(', ') }
  try {
    assertEncodable(result.value, 'value')
  } catch (error) {
    return { problem: ` the schema gives what cannot be stored: ${(error as Error).message}` }
  }
  return { value: result.value }
}

function describeIssue({ path, message }: SchemaIssue): string {
  const steps = (path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
  return `${steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')}: ${message}`
}

/** By what is stored of them. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  const [left, right] = [bytesOf(a), bytesOf(b)]
  return left.length === right.length && left.every((byte, i) => byte === right[i])
}

function bytesOf(value: unknown): Uint8Array {
  const writer = new ByteWriter(64)
  encodeValue(writer, value)
  return writer.toBytes()
}

function shown(key: unknown): string {
  const text = JSON.stringify(valueToJson(key))
  return text.length <= KEY_CHARACTERS_MAX ? text : `${text.slice(0, KEY_CHARACTERS_MAX)}…`
}

const KEY_CHARACTERS_MAX = 200

function incompatible(message: string, details: Readonly<Record<string, string>>): MillraceError {
  return new MillraceError('STATE_INCOMPATIBLE', message, {
    details,
    hint: 'Declare a schema that reads it, or raise the version and add migrate(old, fromVersion). Nothing was changed.',
  })
}

function ignore(): void {}
