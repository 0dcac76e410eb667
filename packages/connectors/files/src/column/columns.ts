/**
 * What a file's columns hold, declared once by the user and understood twice: by the compiler, which infers the record
 * type, and by the readers, which build records from it.
 */
import { checkOptions, invalidOption } from '@millrace/api'

/**
 * `int`: a whole number that a JavaScript number holds exactly (−2⁵³ … 2⁵³); `bigint`: any whole number; `float`: any
 * number, also `NaN` and `Infinity`; `timestamp`: a date or a date and time in ISO 8601 (a space instead of `T` is
 * fine, no zone means UTC), as epoch milliseconds; `boolean`: `true` or `false`.
 */
export type ColumnType = 'int' | 'bigint' | 'float' | 'string' | 'boolean' | 'timestamp'

export interface ColumnOptions {
  readonly type: ColumnType
  /** Whether the value may be missing; it is then `null`. Default false: a missing value is malformed input. */
  readonly nullable?: boolean
  /** Which field of a CSV line, counted from 0. Default: by name with `header: true`, else the order of declaration. */
  readonly index?: number
}

export type Columns = { readonly [name: string]: ColumnType | ColumnOptions }

/** The record type that a declaration of columns gives: `{ user: 'int' }` → `{ user: number }`. */
export type RecordOf<C extends Columns> = { -readonly [Name in keyof C]: ValueOf<C[Name]> }

type ValueOf<C extends ColumnType | ColumnOptions> = C extends ColumnType
  ? ValueOfType<C>
  : C extends ColumnOptions
    ? ValueOfType<C['type']> | (C extends { readonly nullable: false } ? never : NullOf<C>)
    : never

type NullOf<C extends ColumnOptions> = C extends { readonly nullable: boolean } ? null : never

type ValueOfType<Type extends ColumnType> = Type extends 'int' | 'float' | 'timestamp'
  ? number
  : Type extends 'bigint'
    ? bigint
    : Type extends 'boolean'
      ? boolean
      : string

/** One declared column, checked. */
export interface Column {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
  readonly index: number | undefined
}

const COLUMN_TYPES: readonly ColumnType[] = ['int', 'bigint', 'float', 'string', 'boolean', 'timestamp']

/** Checks a declaration; throws `OPTION_INVALID` or `OPTION_UNKNOWN` that names the column. */
export function parseColumns(call: string, columns: unknown): readonly Column[] {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns) || Object.keys(columns).length === 0) {
    throw invalidOption(call, 'columns', columns, 'an object with at least one column, as { user: "int" }')
  }
  return Object.entries(columns).map(([name, declared]) => parseColumn(call, name, declared))
}

function parseColumn(call: string, name: string, declared: unknown): Column {
  const option = `columns.${name}`
  const options = typeof declared === 'string' ? { type: declared } : declared
  if (options === undefined) throw invalidOption(call, option, declared, 'a column type')
  checkOptions(`${call}: ${option}`, options, ['type', 'nullable', 'index'])
  const { type, nullable, index } = options as Record<string, unknown>
  const known = COLUMN_TYPES.find((candidate) => candidate === type)
  if (known === undefined) throw invalidOption(call, option, type, `one of ${COLUMN_TYPES.join(', ')}`)
  if (nullable !== undefined && typeof nullable !== 'boolean') {
    throw invalidOption(call, `${option}.nullable`, nullable, 'true or false')
  }
  if (index !== undefined && (!Number.isSafeInteger(index) || (index as number) < 0 || (index as number) > 65_535)) {
    throw invalidOption(call, `${option}.index`, index, 'a whole number from 0 to 65535')
  }
  return { name, type: known, nullable: nullable === true, index: index as number | undefined }
}
