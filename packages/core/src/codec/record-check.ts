/**
 * Whether records can be encoded, for those that are handed over as they are. Nearly all records of an exchange are plain
 * objects of one shape that hold numbers and strings only: they are looked at by code that is generated for the shape,
 * every other one by a walk.
 */
import { assertEncodable } from './encodable.ts'
import { type ObjectShape, shapeOfKeys } from './object-shape.ts'

/** So many records are looked at property by property, and are in the processor's nearest cache meanwhile. */
const CHUNK_RECORDS = 128
/** Of one batch, more than one record in so many that does not fit the shape: it is not the shape of this exchange. */
const RECORDS_PER_MISFIT = 8
/** So often another shape is tried; an exchange of many shapes does without. */
const SHAPES_MAX = 4

export class RecordCheck {
  #shape: ObjectShape | undefined
  #shapesLeft = SHAPES_MAX

  /** Throws `VALUE_NOT_ENCODABLE`. */
  assertAll(records: readonly unknown[]): void {
    const shape = this.#shape
    const count = records.length
    let misfits = 0
    let i = 0
    while (i < count) {
      if (shape !== undefined) {
        const to = Math.min(count, i + CHUNK_RECORDS)
        i = shape.endOfFlat(records, i, to)
        if (i === to) continue
      }
      const record = records[i]
      if (!isFlat(record)) assertEncodable(record, 'record')
      misfits++
      i++
    }
    if (misfits * RECORDS_PER_MISFIT > count && (shape !== undefined || this.#shapesLeft > 0)) {
      this.#shape = this.#shapesLeft-- > 0 ? shapeOf(records[count - 1]) : undefined
    }
  }
}

function shapeOf(record: unknown): ObjectShape | undefined {
  if (typeof record !== 'object' || record === null || Object.getPrototypeOf(record) !== Object.prototype)
    return undefined
  const keys = Object.keys(record)
  return keys.length === 0 ? undefined : shapeOfKeys(keys, false)
}

/** A primitive value, or a plain object of such. What is not may be encodable too. */
function isFlat(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return typeof record !== 'function' && typeof record !== 'symbol'
  // biome-ignore lint/suspicious/noProto: getPrototypeOf is a call for every record, this a look at its hidden class (measured 12 : 2 ns)
  if ((record as { readonly __proto__?: unknown }).__proto__ !== Object.prototype) return false
  for (const name in record) {
    const value = (record as Record<string, unknown>)[name]
    if (typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol')
      return false
  }
  return true
}
