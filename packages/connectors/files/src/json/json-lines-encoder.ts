/**
 * Records to JSON lines. `JSON.stringify` writes `NaN`, maps and functions as `null`, `{}` and nothing; here they are
 * errors. Records of plain fields, the usual case, are written without a replacer, which would cost several times more.
 */
import { MillraceError } from '@millrace/api'
import type { PartEncoder } from '../sink/part-encoder.ts'

const KEYS_MAX = 4_096
/** As deep as values nest where they are encoded between slots; a value in a circle gets there at once. */
const DEPTH_MAX = 256

export class JsonLinesEncoder implements PartEncoder<unknown> {
  /** Property names as JSON, with their colon. */
  readonly #keys = new Map<string, string>()

  header(): string {
    return ''
  }

  encode(record: unknown): string {
    if (record === undefined) throw notEncodable('A record is undefined', '')
    if (typeof record !== 'object' || record === null || !isPlainObject(record) || 'toJSON' in record) {
      return `${encodeValue('', record, 0)}\n`
    }
    let line = '{'
    for (const name of Object.keys(record)) {
      const value = (record as Readonly<Record<string, unknown>>)[name]
      if (value === undefined) continue
      line += (line.length > 1 ? ',' : '') + this.#key(name) + encodeValue(name, value, 1)
    }
    return `${line}}\n`
  }

  #key(name: string): string {
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = `${JSON.stringify(name)}:`
      if (this.#keys.size < KEYS_MAX) this.#keys.set(name, key)
    }
    return key
  }
}

function encodeValue(name: string, value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return encodeNumber(name, value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return `"${value}"`
    case 'object':
      return value === null ? 'null' : encodeObject(name, value, depth)
    default:
      throw notEncodable(`${at(name)} is of type ${typeof value}`, name)
  }
}

function encodeNumber(name: string, value: number): string {
  if (!Number.isFinite(value)) throw notEncodable(`${at(name)} is ${value}`, name)
  return Object.is(value, -0) ? '-0' : `${value}`
}

function encodeObject(path: string, value: object, depth: number): string {
  if (depth >= DEPTH_MAX) {
    const [property = ''] = path.split(/[.[]/, 1)
    throw notEncodable(`${at(property)} is nested deeper than ${DEPTH_MAX} levels or in a circle`, property)
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => encodeValue(`${path}[${i}]`, item === undefined ? null : item, depth + 1)).join(',')}]`
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw notEncodable(`${at(path)} is an invalid date`, path)
    return `"${value.toISOString()}"`
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return encodeValue(path, (value as { toJSON(): unknown }).toJSON() ?? null, depth + 1)
  }
  if (!isPlainObject(value)) throw notEncodable(`${at(path)} is of class ${value.constructor?.name}`, path)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${encodeValue(path === '' ? name : `${path}.${name}`, field, depth + 1)}`).join(',')}}`
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function at(path: string): string {
  return path === '' ? 'A record' : `"${path}"`
}

function notEncodable(message: string, path: string): MillraceError {
  return new MillraceError('VALUE_NOT_ENCODABLE', `${message}, which JSON does not hold`, {
    details: path === '' ? {} : { property: path },
    hint: 'Make it a text, a number or null in a map before the sink.',
  })
}
