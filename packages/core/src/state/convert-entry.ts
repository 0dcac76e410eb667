/**
 * Makes what the job declares of one stored entry: by `migrate` when it is of an older version, and through the schema
 * where that could not be compared. Errors name operator, state and key, so that the one value that is at fault can be
 * looked at.
 *
 * Invariant: what comes out can be stored, and the schema leaves it as it is: restoring it again changes nothing.
 */
import {
  type AggregatePart,
  type AnySchema,
  isPromise,
  MillraceError,
  type SchemaIssue,
  sharedValues,
  sharersAmong,
  valuesApart,
} from '@millrace/api'
import { ByteWriter } from '../codec/byte-writer.ts'
import { assertEncodable } from '../codec/encodable.ts'
import { encodeValue } from '../codec/value-codec.ts'
import { valueToJson } from '../codec/value-json.ts'
import { toMapKey } from '../key/map-key.ts'
import type { DeclaredTable } from './declared-tables.ts'
import type { PartsReading } from './read-parts.ts'
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
  const { kind, name, operatorUid, version } = descriptor
  const place = {
    what: `State "${name}" of operator "${operatorUid}", key ${shown(entry.key)}`,
    details: { operator: operatorUid, state: name, key: shown(entry.key) },
  }
  if (reading !== undefined) {
    return { sub: entry.sub, value: convertParts(entry.value as readonly unknown[], reading, parts, place) }
  }
  const convert = (
    call: 'migrate' | 'migrateKey',
    schema: AnySchema | undefined,
    value: unknown,
    part: string,
  ): unknown => {
    const migrate = evolution[call]
    const present =
      fromVersion === undefined || migrate === undefined
        ? value
        : made(place, call, fromVersion, version, () => migrate(value, fromVersion))
    return validates && schema !== undefined ? checked(place, part, schema, present) : present
  }
  const convertValue = (value: unknown, part: string): unknown => convert('migrate', evolution.schema, value, part)
  const sub =
    kind === 'map' ? mapKey(place, convert('migrateKey', evolution.keySchema, entry.sub, 'map key')) : entry.sub
  if (kind === 'list') {
    const elements = entry.value as readonly unknown[]
    return { sub, value: elements.map((element, i) => convertValue(element, `element ${i}`)) }
  }
  return { sub, value: convertValue(entry.value, 'value') }
}

/** Whose value is converted, for errors. */
interface Place {
  readonly what: string
  readonly details: Readonly<Record<string, string>>
}

/** Accumulators of several aggregates. Those that share something come apart, and together with others, where anything has changed. */
function convertParts(
  stored: readonly unknown[],
  { parts: readings, isChanged }: PartsReading,
  parts: readonly AggregatePart[],
  place: Place,
): unknown[] {
  const value = readings.map((reading, at) => {
    const { name, aggregate } = parts[at] as AggregatePart
    if (reading.kind === 'new') return aggregate.create()
    const { fromVersion: from, sharers } = reading
    const own =
      sharers === undefined || !isChanged
        ? stored[reading.place]
        : shared(place, () => valuesApart(stored, sharers, reading.place))
    // It has taken in nothing yet, as min() before the first value, and is as `create` gave it.
    if (own === undefined) return aggregate.create()
    const present =
      from === undefined
        ? own
        : made(place, `migrate of "${name}"`, from, aggregate.version ?? 1, () => aggregate.migrate?.(own, from))
    if (!reading.validates || aggregate.schema === undefined) return present
    return checked(place, `value of "${name}"`, aggregate.schema, present)
  })
  if (isChanged) for (const sharers of sharersAmong(parts)) shared(place, () => sharedValues(value, sharers))
  return value
}

/** What several counts share. Throws `STATE_MISREAD` where they have stored something else. */
function shared<T>({ what, details }: Place, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof MillraceError)) throw cause
    const { code, message, hint } = cause
    throw new MillraceError(code, `${what}: ${message}`, { details, ...(hint === undefined ? {} : { hint }), cause })
  }
}

/** What `call`, a migration, gave. Throws `STATE_MIGRATION_FAILED`. */
function made({ what, details }: Place, call: string, from: number, version: number, make: () => unknown): unknown {
  try {
    const value = make()
    if (value === undefined) throw new TypeError(`${call} returned nothing`)
    if (isPromise(value)) {
      value.then(ignore, ignore)
      throw new TypeError(`${call} returned a promise; it must be synchronous`)
    }
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

/** A key within a map, if it can be one. Throws `STATE_INCOMPATIBLE`. */
function mapKey({ what, details }: Place, key: unknown): unknown {
  try {
    toMapKey(key)
    return key
  } catch (cause) {
    throw incompatible(`${what}: a map key cannot be that: ${(cause as Error).message}`, details)
  }
}

/** What the schema gives. Throws `STATE_INCOMPATIBLE`. */
function checked({ what, details }: Place, part: string, schema: AnySchema, value: unknown): unknown {
  const once = validated(schema, value)
  if ('problem' in once) throw incompatible(`${what}: ${part}${once.problem}`, details)
  const twice = validated(schema, once.value)
  if ('problem' in twice || !isSameValue(once.value, twice.value)) {
    throw incompatible(`${what}: the schema changes what it gives itself, so stored values would change`, details)
  }
  return once.value
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
