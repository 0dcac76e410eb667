/** Quantities as people read them: short, and never longer than a table's column. */

const DECIMAL_STEPS = ['', 'k', 'M', 'G', 'T', 'P'] as const
const BINARY_STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** 7, 950, 1.2k, 33k, 4.7M; at most five characters below 10^18. */
export function formatCount(count: number): string {
  return Number.isFinite(count) ? scaled(count, 1_000, DECIMAL_STEPS, '') : '–'
}

/** 512 B, 1.2 MiB. */
export function formatBytes(bytes: number): string {
  return Number.isFinite(bytes) ? scaled(bytes, 1_024, BINARY_STEPS, ' ') : '–'
}

/** 1,234,567: for sums at the end, where each one counts. */
export function formatExact(count: number): string {
  return count.toLocaleString('en-US')
}

function scaled(value: number, step: number, units: readonly string[], space: string): string {
  let size = Math.abs(value)
  let unit = 0
  // Half a unit is kept in hand so that 999.7k is written 1.0M and not 1000k.
  while (size >= step - 0.5 && unit < units.length - 1) {
    size /= step
    unit += 1
  }
  const digits = unit > 0 && size < 9.95 ? size.toFixed(1) : String(Math.round(size))
  return `${value < 0 ? '-' : ''}${digits}${units[unit] === '' ? '' : space}${units[unit]}`
}

/** 31 ms, 4.2 s, 03:07 min, 2:03:07 h, 12 d, 9 y: two figures' worth. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '–'
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const hours = Math.floor(seconds / 3_600)
  if (hours < 1) return `${two(seconds / 60)}:${two(seconds % 60)} min`
  if (hours < 48) return `${hours}:${two((seconds % 3_600) / 60)} h`
  const days = Math.floor(hours / 24)
  return days < 730 ? `${days} d` : `${Math.floor(days / 365.25)} y`
}

/** 00:07, 12:34, 1:02:03: time that runs. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  const hours = Math.floor(seconds / 3_600)
  const rest = `${two((seconds % 3_600) / 60)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

/** 2015-09-12 00:46:58, UTC; `none yet` and `end of input` for the infinities. */
export function formatInstant(epochMs: number): string {
  if (epochMs === Number.POSITIVE_INFINITY) return 'end of input'
  if (Number.isNaN(epochMs) || epochMs === Number.NEGATIVE_INFINITY) return 'none yet'
  if (Math.abs(epochMs) > 8.64e15) return String(epochMs)
  return new Date(epochMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '')
}

export function formatPercent(ratio: number): string {
  if (!Number.isFinite(ratio)) return '–'
  // 100 % is said only when everything is done.
  const percent = ratio >= 1 ? 100 : Math.min(99, Math.floor(ratio * 100))
  return `${Math.max(0, percent)} %`
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0')
}
