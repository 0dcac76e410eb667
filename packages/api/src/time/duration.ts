/** Durations and sizes as Flink writes them; checked by the compiler and again when the job is built. */
import { MillraceError } from '../error/millrace-error.ts'

/** Units of durations. */
export type DurationUnit = 'ms' | 's' | 'min' | 'h' | 'd'
/** A duration as text: `200 ms`, `10 s`, `5 min`, `1 h`, `7 d`. */
export type Duration = `${number} ${DurationUnit}` | `${number}${DurationUnit}`

const UNIT_MS: Readonly<Record<DurationUnit, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration: a positive whole number, or zero where `allowZero`.
 * Throws `DURATION_INVALID` for text that is no duration and for negative or fractional milliseconds.
 */
export function parseDurationMs(text: string, options: { readonly allowZero?: boolean } = {}): number {
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*$/.exec(text)
  const unit = match?.[2] as DurationUnit | undefined
  const ms = match === null || unit === undefined ? Number.NaN : roundTiny(Number(match[1]) * UNIT_MS[unit])
  if (!Number.isSafeInteger(ms) || ms < 0 || (ms === 0 && options.allowZero !== true)) {
    throw new MillraceError('DURATION_INVALID', `"${text}" is not a valid duration`, {
      details: { duration: text },
      hint: `Write a ${options.allowZero === true ? 'non-negative' : 'positive'} whole number of milliseconds with a unit, as "200 ms", "10 s", "5 min", "1 h" or "1 d".`,
    })
  }
  return ms
}

/** 1.1 s is 1100.0000000000002 ms in floating point; a fraction that small is none. */
function roundTiny(ms: number): number {
  const rounded = Math.round(ms)
  return Math.abs(ms - rounded) < 1e-6 ? rounded : ms
}
