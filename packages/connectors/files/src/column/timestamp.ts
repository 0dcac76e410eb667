/**
 * Reads ISO 8601 dates and times from bytes: `2013-01-01`, `2013-01-01 00:15`, `2013-01-01T00:15:30.123456Z`,
 * `…+02:00`. Without a zone the time is UTC. Digits below the millisecond are cut off.
 */

const DAY_MS = 86_400_000
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const LETTER_T = 84
const LETTER_Z = 90
const SPACE = 32
const DASH = 45
const PLUS = 43
const COLON = 58
const POINT = 46

/** Epoch milliseconds of `[from, to)`, or `undefined` when it is no such date or time. */
export function parseTimestampMs(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (to - from < 10 || bytes[from + 4] !== DASH || bytes[from + 7] !== DASH) return undefined
  const year = digits(bytes, from, 4)
  const month = digits(bytes, from + 5, 2)
  const day = digits(bytes, from + 8, 2)
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined
  const dateMs = daysSinceEpoch(year, month, day) * DAY_MS
  if (to - from === 10) return dateMs
  const separator = bytes[from + 10]
  if ((separator !== LETTER_T && separator !== SPACE) || to - from < 16 || bytes[from + 13] !== COLON) return undefined
  const hour = digits(bytes, from + 11, 2)
  const minute = digits(bytes, from + 14, 2)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return undefined
  let timeMs = (hour * 60 + minute) * 60_000
  let at = from + 16
  if (at < to && bytes[at] === COLON) {
    const second = to - at < 3 ? -1 : digits(bytes, at + 1, 2)
    if (second < 0 || second > 59) return undefined
    timeMs += second * 1_000
    at += 3
    if (at < to && bytes[at] === POINT) {
      let unitMs = 100
      const fractionFrom = ++at
      for (; at < to; at++) {
        const digit = (bytes[at] as number) - 48
        if (digit < 0 || digit > 9) break
        timeMs += unitMs >= 1 ? digit * unitMs : 0
        unitMs = unitMs > 1 ? unitMs / 10 : 0
      }
      if (at === fractionFrom) return undefined
    }
  }
  const offsetMs = zoneOffsetMs(bytes, at, to)
  return offsetMs === undefined ? undefined : dateMs + timeMs - offsetMs
}

/** `''`, `Z`, `+02`, `+0200`, `+02:00`. */
function zoneOffsetMs(bytes: Uint8Array, from: number, to: number): number | undefined {
  const length = to - from
  if (length === 0) return 0
  const sign = bytes[from]
  if (sign === LETTER_Z) return length === 1 ? 0 : undefined
  if (sign !== PLUS && sign !== DASH) return undefined
  if (length !== 3 && length !== 5 && !(length === 6 && bytes[from + 3] === COLON)) return undefined
  const hours = digits(bytes, from + 1, 2)
  const minutes = length === 3 ? 0 : digits(bytes, to - 2, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined
  const offsetMs = (hours * 60 + minutes) * 60_000
  return sign === DASH ? -offsetMs : offsetMs
}

/** The number of `count` digits, or −1. */
function digits(bytes: Uint8Array, from: number, count: number): number {
  let value = 0
  for (let i = from; i < from + count; i++) {
    const digit = (bytes[i] as number) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function daysOfMonth(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 && isLeap ? 29 : (DAYS_OF_MONTH[month - 1] as number)
}

/** Days from 1970-01-01 in the Gregorian calendar; years start in March here, so that the leap day comes last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
