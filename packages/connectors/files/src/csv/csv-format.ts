/**
 * Finds records in CSV bytes (RFC 4180: quoted fields may hold delimiters, line breaks and doubled quotes; lines end
 * with `\n` or `\r\n`) and builds the declared columns only. One pass marks where the wanted fields lie, the second
 * parses them. A quote inside an unquoted field and text after a closing quote are malformed: reading on would put
 * values into wrong columns without a word.
 */
import type { Column } from '../column/columns.ts'
import { compileRecordBuilder } from '../column/record-builder.ts'
import { RecordFailure } from '../text/record-failure.ts'
import type { TextFormat, TextHeader } from '../text/text-format.ts'
import { createFieldParser, ESCAPED, PLAIN, QUOTED } from './field-parsers.ts'

export interface CsvFormatOptions {
  readonly columns: readonly Column[]
  readonly delimiter: string
  /** `false`: quotes mean nothing. */
  readonly quote: string | false
  /** `true`: the first record names the fields; `'skip'`: it is passed over. */
  readonly header: boolean | 'skip'
}

type Build<T> = (bytes: Buffer, starts: Int32Array, ends: Int32Array, forms: Uint8Array, isAscii: boolean) => T

const NEWLINE = 10
const RETURN = 13

export class CsvFormat<T> implements TextFormat<T> {
  recordLines = 1
  readonly header: TextHeader | undefined
  readonly #columns: readonly Column[]
  readonly #delimiter: number
  readonly #quote: number
  /** 1 for the bytes that can end an unquoted field. */
  readonly #isSpecial = new Uint8Array(256)
  /** Field number in the line → column, or −1. */
  #columnOfField: Int32Array
  /** Fields that every line must have, or 0: enough for the columns. */
  #fieldsExactly = 0
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #forms: Uint8Array
  readonly #build: Build<T>

  constructor(options: CsvFormatOptions) {
    const { columns, delimiter, quote, header } = options
    this.#columns = columns
    this.#delimiter = delimiter.charCodeAt(0)
    this.#quote = quote === false ? -1 : quote.charCodeAt(0)
    this.#isSpecial[this.#delimiter] = 1
    this.#isSpecial[NEWLINE] = 1
    if (quote !== false) this.#isSpecial[this.#quote] = 1
    this.#columnOfField = mapFields(columns.map(({ index }, order) => index ?? order))
    this.#starts = new Int32Array(columns.length)
    this.#ends = new Int32Array(columns.length)
    this.#forms = new Uint8Array(columns.length)
    this.#build = compileCsvBuild(columns, quote === false ? '' : quote)
    this.header =
      header === false
        ? undefined
        : {
            isNeeded: header === true,
            take: (bytes, from, to, isLast) => this.#takeHeader(bytes, from, to, isLast, header),
          }
  }

  scan(bytes: Buffer, from: number, to: number, isLast: boolean): number {
    const columnOfField = this.#columnOfField
    const starts = this.#starts
    const ends = this.#ends
    const forms = this.#forms
    const isSpecial = this.#isSpecial
    const delimiter = this.#delimiter
    const quote = this.#quote
    let lines = 1
    let field = 0
    let at = from
    for (;;) {
      let start = at
      let end: number
      let form = PLAIN
      if (at < to && bytes[at] === quote) {
        start = ++at
        form = QUOTED
        for (;;) {
          while (at < to && bytes[at] !== quote) if (bytes[at++] === NEWLINE) lines++
          if (at >= to) {
            if (!isLast) return -1
            throw new RecordFailure('INPUT_MALFORMED', start - 1, 'the quote is not closed before the end of the file')
          }
          if (at + 1 >= to || bytes[at + 1] !== quote) break
          form = ESCAPED
          at += 2
        }
        end = at++
        if (at < to && bytes[at] === RETURN && (at + 1 >= to || bytes[at + 1] === NEWLINE)) at++
        if (at >= to && !isLast) return -1
        if (at < to && bytes[at] !== delimiter && bytes[at] !== NEWLINE) {
          throw new RecordFailure('INPUT_MALFORMED', at, 'a quoted field goes on after its closing quote')
        }
      } else {
        while (at < to && isSpecial[bytes[at] as number] === 0) at++
        if (at >= to && !isLast) return -1
        if (at < to && bytes[at] === quote) {
          throw new RecordFailure('INPUT_MALFORMED', at, 'a quote inside a field that does not begin with one', {})
        }
        end = at
        if (end > start && (at >= to || bytes[at] === NEWLINE) && bytes[end - 1] === RETURN) end--
      }
      const column = field < columnOfField.length ? (columnOfField[field] as number) : -1
      if (column >= 0) {
        starts[column] = start
        ends[column] = end
        forms[column] = form
      }
      field++
      if (at >= to || bytes[at] !== delimiter) break
      at++
    }
    this.recordLines = lines
    const recordEnd = at < to ? at + 1 : to
    if (field < columnOfField.length || (this.#fieldsExactly > 0 && field !== this.#fieldsExactly)) {
      throw this.#wrongFieldCount(bytes, from, at, field, recordEnd)
    }
    return recordEnd
  }

  build(bytes: Buffer, isAscii: boolean): T {
    return this.#build(bytes, this.#starts, this.#ends, this.#forms, isAscii)
  }

  #wrongFieldCount(bytes: Buffer, from: number, end: number, fields: number, recordEnd: number): RecordFailure {
    const wanted =
      this.#fieldsExactly > 0 ? `the header has ${this.#fieldsExactly}` : `${this.#columnOfField.length} are needed`
    const isBlank = fields === 1 && (end === from || (end === from + 1 && bytes[from] === RETURN))
    const found = isBlank ? 'the line is blank' : `the line has ${fields} field${fields === 1 ? '' : 's'}`
    return new RecordFailure(
      'INPUT_MALFORMED',
      end > from && bytes[end - 1] === RETURN ? end - 1 : end,
      `${found}, ${wanted}`,
      { recordEnd },
    )
  }

  #takeHeader(bytes: Buffer, from: number, to: number, isLast: boolean, header: true | 'skip'): number {
    const names: string[] = []
    const end = readFields(bytes, from, to, isLast, this.#delimiter, this.#quote, names)
    if (end < 0 || header === 'skip') return end
    const missing = this.#columns.find(({ name, index }) => index === undefined && !names.includes(name))
    if (missing !== undefined) {
      throw new RecordFailure(
        'INPUT_MALFORMED',
        from,
        `the header has no column "${missing.name}"; it has ${names.join(', ')}`,
        {
          field: missing.name,
        },
      )
    }
    const doubled = this.#columns.find(
      ({ name, index }) => index === undefined && names.indexOf(name) !== names.lastIndexOf(name),
    )
    if (doubled !== undefined) {
      throw new RecordFailure(
        'INPUT_MALFORMED',
        from,
        `the header has two columns "${doubled.name}"; say which by its index`,
        {
          field: doubled.name,
        },
      )
    }
    this.#columnOfField = mapFields(this.#columns.map(({ name, index }) => index ?? names.indexOf(name)))
    this.#fieldsExactly = names.length
    return end
  }
}

/** Field numbers of the columns → column of each field. */
function mapFields(fieldOfColumn: readonly number[]): Int32Array {
  const columnOfField = new Int32Array(Math.max(...fieldOfColumn) + 1).fill(-1)
  for (const [column, field] of fieldOfColumn.entries()) columnOfField[field] = column
  return columnOfField
}

function compileCsvBuild<T>(columns: readonly Column[], quote: string): Build<T> {
  const scope = Object.fromEntries(columns.map((column, i) => [`parse${i}`, createFieldParser(column, quote)]))
  const fields = columns.map(({ name }, i) => ({
    name,
    expression: `parse${i}(bytes, starts[${i}], ends[${i}], forms[${i}], isAscii)`,
  }))
  return compileRecordBuilder(fields, ['bytes', 'starts', 'ends', 'forms', 'isAscii'], scope)
}

/** All fields of one record as texts; the index after the record, or −1 when it is not complete. For headers only. */
function readFields(
  bytes: Buffer,
  from: number,
  to: number,
  isLast: boolean,
  delimiter: number,
  quote: number,
  into: string[],
): number {
  let at = from
  let text = ''
  let inQuotes = false
  let partFrom = from
  const takePart = () => {
    text += bytes.toString('utf8', partFrom, at)
  }
  for (; at < to; at++) {
    const byte = bytes[at]
    if (byte === quote) {
      takePart()
      // A doubled quote closes and opens again: the second one is the character.
      if (!inQuotes && at > from && bytes[at - 1] === quote) text += String.fromCharCode(quote)
      inQuotes = !inQuotes
      partFrom = at + 1
    } else if (!inQuotes && (byte === delimiter || byte === NEWLINE)) {
      takePart()
      partFrom = at + 1
      if (byte === NEWLINE) {
        into.push(text.endsWith('\r') ? text.slice(0, -1) : text)
        return at + 1
      }
      into.push(text)
      text = ''
    }
  }
  if (!isLast) {
    into.length = 0
    return -1
  }
  takePart()
  into.push(text.endsWith('\r') ? text.slice(0, -1) : text)
  return to
}
