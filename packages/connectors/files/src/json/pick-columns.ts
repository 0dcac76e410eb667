/** Makes records of the declared columns out of parsed JSON objects, checking every value against its column's type. */
import type { Column, ColumnType } from '../column/columns.ts'
import { compileRecordBuilder } from '../column/record-builder.ts'
import { parseTimestampMs } from '../column/timestamp.ts'

/** A JSON value that does not fit its column. */
export class ColumnMismatch extends Error {
  readonly column: string

  constructor(column: string, message: string) {
    super(message)
    this.column = column
  }
}

/** A function that takes a parsed JSON value and gives a record; it throws `ColumnMismatch` or an `Error`. */
export function createColumnPicker(columns: readonly Column[]): (value: unknown) => unknown {
  const scope = Object.fromEntries(columns.map((column, i) => [`check${i}`, createCheck(column)]))
  const fields = columns.map(({ name }, i) => ({ name, expression: `check${i}(${readProperty(name)})` }))
  const build = compileRecordBuilder<(value: unknown) => unknown>(fields, ['value'], scope)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('the line is no JSON object')
    return build(value)
  }
}

/** The code that reads a property of `value`: not one that every object inherits, as `constructor`. */
function readProperty(name: string): string {
  const text = JSON.stringify(name)
  return name in Object.prototype ? `Object.hasOwn(value, ${text}) ? value[${text}] : undefined` : `value[${text}]`
}

function createCheck({ name, type, nullable }: Column): (value: unknown) => unknown {
  const convert = CONVERT[type]
  return (value) => {
    if (value === null || value === undefined) {
      if (nullable) return null
      const state = value === null ? 'null' : 'missing'
      throw new ColumnMismatch(name, `"${name}" is ${state}; declare it nullable if it may be`)
    }
    const converted = convert(value)
    if (converted === undefined) throw new ColumnMismatch(name, `"${name}" is ${EXPECTED[type]}`)
    return converted
  }
}

const CONVERT: Readonly<Record<ColumnType, (value: unknown) => unknown>> = {
  int: (value) => (Number.isSafeInteger(value) ? value : undefined),
  float: (value) => (typeof value === 'number' ? value : undefined),
  bigint: toBigInt,
  string: (value) => (typeof value === 'string' ? value : undefined),
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  timestamp: toTimestampMs,
}

const EXPECTED: Readonly<Record<ColumnType, string>> = {
  int: 'not a whole number that a number holds exactly',
  float: 'not a number',
  bigint: 'neither a whole number that a number holds exactly nor a text of digits',
  string: 'not a text',
  boolean: 'neither true nor false',
  timestamp: 'neither epoch milliseconds nor a date or time in ISO 8601',
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : undefined
}

function toTimestampMs(value: unknown): number | undefined {
  // A number that is too large is read as infinite.
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  const bytes = Buffer.from(value)
  return parseTimestampMs(bytes, 0, bytes.length)
}
