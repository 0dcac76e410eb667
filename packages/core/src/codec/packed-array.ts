/**
 * Arrays of a known length that V8 keeps packed and, for numbers, unboxed from the start. Filling `new Array(n)` would
 * leave them marked as having holes, and pushing costs four times as much: a copy of a template has neither fault.
 */

const integers: number[] = [0]
const doubles: number[] = [0.5]
const values: unknown[] = [undefined]

/** `count` entries to be overwritten with 32-bit integers. */
export function packedIntegers(count: number): number[] {
  while (integers.length < count) integers.push(0)
  return integers.slice(0, count)
}

/** `count` entries to be overwritten with any numbers. */
export function packedDoubles(count: number): number[] {
  while (doubles.length < count) doubles.push(0.5)
  return doubles.slice(0, count)
}

/** `count` entries to be overwritten with anything. */
export function packedValues(count: number): unknown[] {
  while (values.length < count) values.push(undefined)
  return values.slice(0, count)
}
