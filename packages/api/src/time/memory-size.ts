/** Memory sizes as Flink writes them (`64 mb`); one step of the unit is 1,024. */
import { MillraceError } from '../error/millrace-error.ts'

/** Units of memory sizes. */
export type MemoryUnit = 'b' | 'kb' | 'mb' | 'gb' | 'tb'
/** A memory size as text: `512 kb`, `64 mb`, `1 gb`. */
export type MemorySize = `${number} ${MemoryUnit}` | `${number}${MemoryUnit}`

const UNIT_BYTES: Readonly<Record<string, number>> = Object.fromEntries(
  [
    ['', 'b', 'bytes'],
    ['k', 'kb', 'kibibytes'],
    ['m', 'mb', 'mebibytes'],
    ['g', 'gb', 'gibibytes'],
    ['t', 'tb', 'tebibytes'],
  ].flatMap((names, power) => names.map((name) => [name, 1024 ** power])),
)

/**
 * Bytes of a memory size: a positive whole number. Takes upper and lower case, Flink's short and long units, and a bare
 * number of bytes. Throws `SIZE_INVALID` for anything else.
 */
export function parseMemorySizeBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text)
  const unitBytes = UNIT_BYTES[(match?.[2] ?? 'none').toLowerCase()]
  const bytes = match === null || unitBytes === undefined ? Number.NaN : Number(match[1]) * unitBytes
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new MillraceError('SIZE_INVALID', `"${text}" is not a valid memory size`, {
      details: { size: text },
      hint: 'Write a positive number with a unit, as "512 kb", "64 mb" or "1 gb".',
    })
  }
  return bytes
}
