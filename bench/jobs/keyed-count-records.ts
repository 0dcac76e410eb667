/** The records of the keyed count, shared by the job and the plain loop that it must equal. */
import { mixInteger, ROW_START } from '../digest/row-digest.ts'

export const WINDOW_MS = 1_000
const KEYS = 10_000

export interface Click {
  readonly key: number
  readonly at: number
}

export interface Clicks {
  readonly key: number
  readonly end: number
  readonly n: number
}

/** 1,000 records per ms of event time: a window holds every key a hundred times. */
export function clickAt(index: number): Click {
  return { key: (index * 2_654_435_761) % KEYS, at: Math.floor(index / 1_000) }
}

export function mixClicks({ key, end, n }: Clicks): number {
  return mixInteger(mixInteger(mixInteger(ROW_START, key), end), n)
}
