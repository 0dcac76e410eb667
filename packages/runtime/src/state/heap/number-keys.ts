/**
 * Keys that can stand in a typed array: numbers, and arrays of equally many numbers. Their width is that of
 * `number-values.ts`: how many numbers an array has, or 0 for a number that is no array. What stands there is canonical
 * (`canonicalKey`): −0 is 0.
 */
import type { ReadNumbers } from './number-values.ts'

/** Writes a key at `start`, or returns false when it is not of that width; then what stands there is lost. */
export function writeKeyNumbers(numbers: Float64Array, start: number, width: number, key: unknown): boolean {
  if (width === 0) {
    if (typeof key !== 'number') return false
    numbers[start] = key + 0
    return true
  }
  if (!Array.isArray(key) || key.length !== width) return false
  for (let i = 0; i < width; i++) {
    const item: unknown = key[i]
    if (typeof item !== 'number') return false
    numbers[start + i] = item + 0
  }
  return true
}

/** Whether the key at `start` is this one, in whatever form it comes. */
export function isKeyAt(numbers: Float64Array, start: number, width: number, key: unknown): boolean {
  if (width === 0) return numbers[start] === key
  if (!Array.isArray(key) || key.length !== width) return false
  for (let i = 0; i < width; i++) if (numbers[start + i] !== key[i]) return false
  return true
}

const readers: ReadNumbers[] = []

/**
 * Reads a key of a width; an array is a new one each time. Integers are read as such, as they are in the arrays of
 * selectors: user code that sees both kinds of arrays is slower with each.
 */
export function keyReaderOf(width: number): ReadNumbers {
  let reader = readers[width]
  if (reader === undefined) {
    const indexes = Array.from({ length: Math.max(1, width) }, (_, i) => i)
    const items = indexes.map((i) => `n${i} === (n${i} | 0) ? n${i} | 0 : n${i}`).join(', ')
    const code = `const ${indexes.map((i) => `n${i} = numbers[start + ${i}]`).join(', ')}
return ${width === 0 ? items : `[${items}]`}
//# sourceURL=millrace:state/key-${width}`
    reader = new Function('numbers', 'start', code) as ReadNumbers
    readers[width] = reader
  }
  return reader
}
