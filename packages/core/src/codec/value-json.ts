/**
 * Stored values as JSON that people and programs read, and back: the form of `encodePlain`, which records for sinks have
 * too. Only `DistinctValues` are shown by their sizes and cannot be read again: what they hold is no value of the user's.
 */
import { DistinctValues, decodePlain, encodePlain, MillraceError, type PlainValue } from '@millrace/api'

/** What `JSON.stringify` writes as it is. */
export type JsonForm = PlainValue

/** For values that the value codec reads. */
export function valueToJson(value: unknown): JsonForm {
  return encodePlain(value, (object) =>
    DistinctValues.isOne(object)
      ? { $distinct: Array.from({ length: object.counts }, (_, index) => object.size(index)) }
      : undefined,
  )
}

/** The value that `valueToJson` gave. Throws `BYTES_DAMAGED` for what it did not give, `VALUE_NOT_ENCODABLE` for `DistinctValues`. */
export function valueFromJson(json: unknown): unknown {
  if (holdsDistinct(json)) {
    throw new MillraceError(
      'VALUE_NOT_ENCODABLE',
      'The values that countDistinct holds are not in JSON, only their number',
      {
        hint: 'Take them from the savepoint itself: storedEntries(saved.entries({ operator })).',
      },
    )
  }
  return decodePlain(json as PlainValue)
}

function holdsDistinct(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false
  if (Object.hasOwn(json, '$distinct')) return true
  // The pairs of an object of the user's hold names of any kind, as texts.
  return Object.values(json).some(holdsDistinct)
}
