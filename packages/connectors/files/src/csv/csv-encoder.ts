/** Records to CSV lines (RFC 4180, lines end with `\n`). Nothing is written that does not say what the record held. */
import { MillraceError } from '@millrace/api'
import type { PartEncoder } from '../sink/part-encoder.ts'

export interface CsvEncoderOptions {
  /** `undefined`: the properties of the first record, which all others must then have too. */
  readonly columns: readonly string[] | undefined
  readonly delimiter: string
  readonly header: boolean
}

export class CsvEncoder implements PartEncoder<object> {
  readonly #delimiter: string
  readonly #hasHeader: boolean
  readonly #isDeclared: boolean
  readonly #needsQuotes: RegExp
  /** Whether numbers and dates can hold the delimiter. */
  readonly #isDelimiterInNumbers: boolean
  #columns: readonly string[] | undefined

  /** `restoredColumns`: what an earlier writer had derived. */
  constructor({ columns, delimiter, header }: CsvEncoderOptions, restoredColumns: readonly string[] | undefined) {
    this.#delimiter = delimiter
    this.#hasHeader = header
    this.#isDeclared = columns !== undefined
    this.#columns = columns ?? restoredColumns
    this.#isDelimiterInNumbers = /[-+.:0-9A-Za-z]/.test(delimiter)
    const escaped = delimiter.replace(/[\\\]^-]/, '\\$&')
    // At the start of a file U+FEFF would be taken for a byte order mark.
    this.#needsQuotes = new RegExp(`^\\ufeff|["\\r\\n${escaped}]`)
  }

  get derivedColumns(): readonly string[] | undefined {
    return this.#isDeclared ? undefined : this.#columns
  }

  header(): string {
    if (!this.#hasHeader) return ''
    return `${(this.#columns ?? []).map((name) => this.#encodeText(name)).join(this.#delimiter)}\n`
  }

  encode(record: object): string {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw notEncodable(`A record is ${describe(record)}; a CSV line needs an object with properties`)
    }
    const columns = this.#isDeclared ? (this.#columns as readonly string[]) : this.#columnsOf(record)
    let line = ''
    for (let i = 0; i < columns.length; i++) {
      const name = columns[i] as string
      const value = (record as Readonly<Record<string, unknown>>)[name]
      if (i > 0) line += this.#delimiter
      line += this.#encodeValue(name, value)
    }
    return `${line}\n`
  }

  #encodeValue(name: string, value: unknown): string {
    switch (typeof value) {
      case 'string':
        if (!value.isWellFormed()) throw notEncodable(`"${name}" holds half a surrogate pair, which UTF-8 cannot`, name)
        return this.#encodeText(value)
      case 'number':
        return this.#encodeOther(encodeNumber(value))
      case 'boolean':
      case 'bigint':
        return this.#encodeOther(String(value))
      case 'undefined':
        return ''
      case 'object':
        if (value === null) return ''
        if (value instanceof Date && !Number.isNaN(value.getTime())) return this.#encodeOther(value.toISOString())
    }
    throw notEncodable(
      `"${name}" is ${describe(value)}, which a CSV field does not hold`,
      name,
      'Make it a text in a map before the sink, or write JSON lines.',
    )
  }

  /** The empty text is written as `""`: an empty field is null. */
  #encodeText(text: string): string {
    return text === '' || this.#needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }

  #encodeOther(text: string): string {
    return this.#isDelimiterInNumbers ? this.#encodeText(text) : text
  }

  #columnsOf(record: object): readonly string[] {
    const columns = this.#columns
    if (columns === undefined) {
      const names = Object.keys(record)
      if (names.length === 0) throw notEncodable('The first record has no properties to make columns of')
      this.#columns = names
      return names
    }
    let index = 0
    for (const name in record) {
      if (columns[index++] !== name) return this.#sameColumns(columns, record)
    }
    return index === columns.length ? columns : this.#sameColumns(columns, record)
  }

  /** Another order of properties is fine; another property, or one less, is not. */
  #sameColumns(columns: readonly string[], record: object): readonly string[] {
    const names = Object.keys(record)
    const odd = names.find((name) => !columns.includes(name)) ?? columns.find((name) => !names.includes(name))
    if (odd === undefined) return columns
    const state = columns.includes(odd) ? 'lacks' : 'has'
    throw notEncodable(
      `A record ${state} the property "${odd}", other than the first record: ${columns.join(', ')}`,
      odd,
      'Name the columns: csvSink(folder, { columns: [...] }); what a record lacks is then an empty field.',
    )
  }
}

function encodeNumber(value: number): string {
  return value === 0 && Object.is(value, -0) ? '-0' : `${value}`
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return 'an invalid date'
  if (typeof value === 'object') return `an object (${value.constructor?.name ?? 'without prototype'})`
  return `of type ${typeof value}`
}

function notEncodable(message: string, column?: string, hint?: string): MillraceError {
  return new MillraceError('VALUE_NOT_ENCODABLE', message, {
    details: column === undefined ? {} : { column },
    ...(hint === undefined ? {} : { hint }),
  })
}
