/**
 * Values that can stand in a typed array: numbers, and arrays of equally many numbers, as accumulators of counts and sums
 * are. Their width is how many numbers an array has, or 0 for a number that is no array.
 */

/** Longer arrays are kept as they are. */
const WIDTH_MAX = 32

/** The width that all values have, `undefined` ones aside, or −1 when they do not belong into a typed array. */
export function commonWidth(values: readonly unknown[]): number {
  let common = -1
  for (const value of values) {
    if (value === undefined) continue
    const width = widthOf(value)
    if (width < 0 || (common >= 0 && width !== common)) return -1
    common = width
  }
  return common
}

/** Writes a value at `start`, or returns false when it is not of that width; then what stands there is lost. */
export function writeNumbers(numbers: Float64Array, start: number, width: number, value: unknown): boolean {
  if (width === 0) {
    if (typeof value !== 'number') return false
    numbers[start] = value
    return true
  }
  if (!Array.isArray(value) || value.length !== width) return false
  for (let i = 0; i < width; i++) {
    const item: unknown = value[i]
    if (typeof item !== 'number') return false
    numbers[start + i] = item
  }
  return true
}

export type ReadNumbers = (numbers: Float64Array, start: number) => unknown

const readers: ReadNumbers[] = []

/** Reads a value of a width; an array is a new one each time. A literal in generated code makes it in one piece, without a loop. */
export function readerOf(width: number): ReadNumbers {
  let reader = readers[width]
  if (reader === undefined) {
    const items = Array.from({ length: width }, (_, i) => `numbers[start + ${i}]`).join(', ')
    const read = width === 0 ? 'numbers[start]' : `[${items}]`
    reader = new Function(
      'numbers',
      'start',
      `return ${read}\n//# sourceURL=millrace:state/numbers-${width}`,
    ) as ReadNumbers
    readers[width] = reader
  }
  return reader
}

function widthOf(value: unknown): number {
  if (typeof value === 'number') return 0
  if (!Array.isArray(value) || value.length === 0 || value.length > WIDTH_MAX) return -1
  for (let i = 0; i < value.length; i++) if (typeof value[i] !== 'number') return -1
  return value.length
}
