/**
 * Turns the bytes of one CSV field into a value, digit by digit and without a string in between where it can. Every
 * parser throws a `RecordFailure` that names the column; none guesses.
 */
import type { Column, ColumnType } from '../column/columns.ts'
import { parseTimestampMs } from '../column/timestamp.ts'
import { RecordFailure } from '../text/record-failure.ts'
import { StringCache } from '../text/string-cache.ts'

/** How a field was written. `ESCAPED`: in quotes, with doubled quotes inside. */
export const PLAIN = 0
export const QUOTED = 1
export const ESCAPED = 2

/** Parses `[from, to)`, which excludes the surrounding quotes. `isAscii`: all bytes are below 128. */
export type FieldParser = (bytes: Buffer, from: number, to: number, form: number, isAscii: boolean) => unknown

const MINUS = 45
const PLUS = 43
const POINT = 46
const ZERO = 48
/** Digits that a double holds exactly, whatever they are. */
const EXACT_DIGITS = 15
const SHOWN_LENGTH_MAX = 60
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

export function createFieldParser(column: Column, quote: string): FieldParser {
  const parse = createValueParser(column, quote)
  const { name, nullable, type } = column
  if (type === 'string' && !nullable) return parse
  return (bytes, from, to, form, isAscii) => {
    if (from === to && form === PLAIN) {
      if (nullable) return null
      throw new RecordFailure('INPUT_MALFORMED', from, `column "${name}" is empty; declare it nullable if it may be`, {
        field: name,
      })
    }
    return parse(bytes, from, to, form, isAscii)
  }
}

function createValueParser(column: Column, quote: string): FieldParser {
  const refuse = (bytes: Buffer, from: number, to: number): never => {
    const text = bytes.toString('utf8', from, Math.min(to, from + SHOWN_LENGTH_MAX))
    const shown = JSON.stringify(text) + (to - from > SHOWN_LENGTH_MAX ? '…' : '')
    throw new RecordFailure(
      'INPUT_MALFORMED',
      from,
      `${shown} in column "${column.name}" is ${EXPECTED[column.type]}`,
      {
        field: column.name,
      },
    )
  }
  switch (column.type) {
    case 'string':
      return createStringParser(quote)
    case 'int':
      return (bytes, from, to) => parseInteger(bytes, from, to) ?? refuse(bytes, from, to)
    case 'float':
      return (bytes, from, to) => parseFloatNumber(bytes, from, to) ?? refuse(bytes, from, to)
    case 'bigint':
      return (bytes, from, to) => parseBigInteger(bytes, from, to) ?? refuse(bytes, from, to)
    case 'boolean':
      return (bytes, from, to) => parseBoolean(bytes, from, to) ?? refuse(bytes, from, to)
    case 'timestamp':
      return (bytes, from, to) => parseTimestampMs(bytes, from, to) ?? refuse(bytes, from, to)
  }
}

const EXPECTED: Readonly<Record<ColumnType, string>> = {
  int: 'not a whole number that a number holds exactly',
  bigint: 'not a whole number',
  float: 'not a number',
  boolean: 'neither true nor false',
  timestamp: 'not a date or time in ISO 8601',
  string: 'not a text',
}

function createStringParser(quote: string): FieldParser {
  const cache = new StringCache()
  const doubled = quote + quote
  return (bytes, from, to, form, isAscii) => {
    const text = cache.get(bytes, from, to, isAscii)
    return form === ESCAPED ? text.replaceAll(doubled, quote) : text
  }
}

function parseInteger(bytes: Buffer, from: number, to: number): number | undefined {
  const sign = bytes[from]
  const isSigned = sign === MINUS || sign === PLUS
  const digitsFrom = isSigned ? from + 1 : from
  const digits = to - digitsFrom
  if (digits <= 0) return undefined
  if (digits > EXACT_DIGITS) return parseLongInteger(bytes, from, to)
  let value = 0
  for (let i = digitsFrom; i < to; i++) {
    const digit = (bytes[i] as number) - ZERO
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return sign === MINUS && value !== 0 ? -value : value
}

function parseLongInteger(bytes: Buffer, from: number, to: number): number | undefined {
  const text = bytes.toString('latin1', from, to)
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

function parseBigInteger(bytes: Buffer, from: number, to: number): bigint | undefined {
  const text = bytes.toString('latin1', from, to)
  if (!/^[+-]?\d+$/.test(text)) return undefined
  return BigInt(text.startsWith('+') ? text.slice(1) : text)
}

/** Up to 15 digits and a point are exact as integer ÷ power of ten; anything longer or with an exponent goes to `Number`. */
function parseFloatNumber(bytes: Buffer, from: number, to: number): number | undefined {
  const sign = bytes[from]
  const digitsFrom = sign === MINUS || sign === PLUS ? from + 1 : from
  if (to - digitsFrom > EXACT_DIGITS + 1) return parseAnyFloat(bytes, from, to)
  let value = 0
  let digits = 0
  let pointAt = -1
  for (let i = digitsFrom; i < to; i++) {
    const byte = bytes[i] as number
    if (byte === POINT && pointAt < 0) {
      pointAt = i
      continue
    }
    const digit = byte - ZERO
    if (digit < 0 || digit > 9) return parseAnyFloat(bytes, from, to)
    value = value * 10 + digit
    digits++
  }
  if (digits === 0 || digits > EXACT_DIGITS) return parseAnyFloat(bytes, from, to)
  if (pointAt >= 0) value /= POWERS_OF_TEN[to - pointAt - 1] as number
  return sign === MINUS ? -value : value
}

function parseAnyFloat(bytes: Buffer, from: number, to: number): number | undefined {
  const text = bytes.toString('latin1', from, to)
  // `Number` alone would also take '', ' 1', '0x1f' and '1_0'.
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || /^(NaN|[+-]?Infinity)$/.test(text)) return Number(text)
  return undefined
}

function parseBoolean(bytes: Buffer, from: number, to: number): boolean | undefined {
  if (to - from > 5) return undefined
  const text = bytes.toString('latin1', from, to).toLowerCase()
  return text === 'true' ? true : text === 'false' ? false : undefined
}
