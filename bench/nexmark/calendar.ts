/** Days and minutes (UTC) as text. A stream stays in a day for long, so its text is made once. */

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const MINUTES = Array.from({ length: 1_440 }, (_, minute) => `${twoDigits(minute / 60)}:${twoDigits(minute % 60)}`)

/** Days since the epoch: a key that costs less than a text. */
export function dayOf(dateTime: number): number {
  return Math.floor(dateTime / DAY_MS)
}

/** Minutes since the start of the day. */
export function minuteOf(dateTime: number): number {
  return Math.floor((dateTime % DAY_MS) / MINUTE_MS)
}

/** As 23:59. */
export function minuteText(minute: number): string {
  return MINUTES[minute] as string
}

let lastDay = Number.NaN
let lastDayText = ''

/** As 2015-07-15. */
export function dayText(day: number): string {
  if (day !== lastDay) {
    lastDayText = new Date(day * DAY_MS).toISOString().slice(0, 10)
    lastDay = day
  }
  return lastDayText
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, '0')
}
