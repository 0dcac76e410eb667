/**
 * Where a number belongs in a table of open addressing. Integers that follow one another lie beside each other in
 * groups of eight, so that the newest ids of a stream share lines of the processor's cache.
 */
import { mixBits } from './linear-hashing.ts'

const BITS = new Float64Array(1)
const WORDS = new Uint32Array(BITS.buffer)

/** An integer of 32 bits for a number: itself, or its bits mixed. */
export function placeOf(number: number): number {
  const integer = number | 0
  return integer === number ? integer : placeOfBits(number)
}

/** The slot from which a number is looked for, to be cut to the table's size; from 0 to 2²³ − 1. */
export function slotOf(place: number): number {
  return ((hashOfGroup(place) >>> 12) << 3) | (place & 7)
}

/** The hash of a number's group: its low bits choose the page, its high bits the slot. */
export function hashOfGroup(place: number): number {
  return mixBits(place >> 3)
}

function placeOfBits(number: number): number {
  BITS[0] = number
  return mixBits((WORDS[0] as number) ^ Math.imul(WORDS[1] as number, 0x9e3779b1)) | 0
}
