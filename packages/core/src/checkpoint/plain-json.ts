/**
 * `PlainValue` as JSON text and back without loss: the numbers that JSON has no form for (NaN, infinities, −0) travel
 * as tagged objects. The text is ASCII, so that it is its own bytes. What is not a plain value is refused by name.
 */
import { MillraceError, type PlainValue } from '@millrace/api'

/** `{"$number": "NaN"}`; a user's object with such a key is wrapped as `{"$object": […pairs]}`. */
const NUMBER_TAG = '$number'
const OBJECT_TAG = '$object'
const DEPTH_MAX = 200

type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** A tree that JSON.stringify writes without loss. Throws `VALUE_NOT_ENCODABLE` naming the place. */
export function toJsonValue(value: unknown, place: string, depth = 0): JsonValue {
  if (depth > DEPTH_MAX) throw notPlain(place, `nested deeper than ${DEPTH_MAX} (or a cycle)`)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return numberToJson(value)
  if (Array.isArray(value)) return value.map((element, i) => toJsonValue(element, `${place}[${i}]`, depth + 1))
  if (typeof value !== 'object') throw notPlain(place, value === undefined ? 'undefined' : `a ${typeof value}`)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw notPlain(place, 'a class instance')
  const pairs: [string, JsonValue][] = []
  for (const [key, property] of Object.entries(value)) {
    if (property !== undefined) pairs.push([key, toJsonValue(property, `${place}.${key}`, depth + 1)])
  }
  const isAmbiguous = pairs.some(([key]) => key === NUMBER_TAG || key === OBJECT_TAG)
  return isAmbiguous ? { [OBJECT_TAG]: pairs } : Object.fromEntries(pairs)
}

/** The reverse of `toJsonValue`. Throws `BYTES_DAMAGED` for a tag that it does not know. */
export function fromJsonValue(json: unknown, place: string): PlainValue {
  if (json === null || typeof json === 'boolean' || typeof json === 'string' || typeof json === 'number') return json
  if (Array.isArray(json)) return json.map((element, i) => fromJsonValue(element, `${place}[${i}]`))
  if (typeof json !== 'object') throw damagedPlain(place)
  const pairs = Object.entries(json)
  const tag = pairs[0]
  if (pairs.length === 1 && tag !== undefined && tag[0] === NUMBER_TAG) return numberFromTag(tag[1], place)
  if (pairs.length === 1 && tag !== undefined && tag[0] === OBJECT_TAG) return objectFromTag(tag[1], place)
  return Object.fromEntries(pairs.map(([key, property]) => [key, fromJsonValue(property, `${place}.${key}`)]))
}

/** JSON text with every character above 0x7e escaped. */
export function stringifyAscii(json: unknown): string {
  return JSON.stringify(json).replace(
    /[^\u0020-\u007e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function numberToJson(value: number): JsonValue {
  if (Object.is(value, -0)) return { [NUMBER_TAG]: '-0' }
  return Number.isFinite(value) ? value : { [NUMBER_TAG]: String(value) }
}

function numberFromTag(text: unknown, place: string): number {
  switch (text) {
    case 'NaN':
      return Number.NaN
    case 'Infinity':
      return Number.POSITIVE_INFINITY
    case '-Infinity':
      return Number.NEGATIVE_INFINITY
    case '-0':
      return -0
    default:
      throw damagedPlain(place)
  }
}

function objectFromTag(pairs: unknown, place: string): PlainValue {
  if (!Array.isArray(pairs)) throw damagedPlain(place)
  return Object.fromEntries(
    pairs.map((pair: unknown) => {
      if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') throw damagedPlain(place)
      return [pair[0], fromJsonValue(pair[1], `${place}.${pair[0]}`)]
    }),
  )
}

function notPlain(place: string, what: string): MillraceError {
  return new MillraceError('VALUE_NOT_ENCODABLE', `${place} is ${what}, which a checkpoint cannot hold`, {
    details: { place },
    hint: 'Positions, writer states and committables are made of null, booleans, numbers, strings, arrays and plain objects.',
  })
}

function damagedPlain(place: string): MillraceError {
  return new MillraceError('BYTES_DAMAGED', `${place} is not a plain value`, { details: { place } })
}
