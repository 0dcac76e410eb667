/** The result rows of the shapes and how the digest mixes them, fields in this order. README.md defines the shapes. */
import { mixInteger, ROW_START } from '../digest/row-digest.ts'

/** Chain and exchange. */
export interface Fee {
  readonly auction: number
  readonly bidder: number
  readonly fee: number
  readonly dateTime: number
}

/** Counts of windows. */
export interface WindowCount {
  readonly auction: number
  readonly windowEnd: number
  readonly count: number
}

/** Running sum. */
export interface Total {
  readonly auction: number
  readonly total: number
}

/** Large state: an account after one of its changes. */
export interface AccountRow {
  readonly key: number
  readonly count: number
  readonly total: number
  /** Rounded down. */
  readonly average: number
}

export function mixFee(row: Fee): number {
  let hash = mixInteger(ROW_START, row.auction)
  hash = mixInteger(hash, row.bidder)
  hash = mixInteger(hash, row.fee)
  return mixInteger(hash, row.dateTime)
}

export function mixWindowCount(row: WindowCount): number {
  return mixInteger(mixInteger(mixInteger(ROW_START, row.auction), row.windowEnd), row.count)
}

export function mixTotal(row: Total): number {
  return mixInteger(mixInteger(ROW_START, row.auction), row.total)
}

export function mixAccount(row: AccountRow): number {
  let hash = mixInteger(ROW_START, row.key)
  hash = mixInteger(hash, row.count)
  hash = mixInteger(hash, row.total)
  return mixInteger(hash, row.average)
}
