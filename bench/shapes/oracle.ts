/**
 * The answers of the shapes by plain loops over all records, as slow and as obvious as they can be: what every engine's
 * digests are held against.
 *
 * node oracle.ts <records> [keys [sizeMs slideMs]] prints the digests, for the default options of the generators.
 */
import process from 'node:process'
import { RowDigest } from '../digest/row-digest.ts'
import type { Bid } from '../nexmark/generator/nexmark-event.ts'
import { bidGenerator } from './generator/bid-generator.ts'
import { type Change, changeGenerator } from './generator/change-generator.ts'
import { wideGenerators } from './generator/wide-generator.ts'
import { AMOUNT_MIN } from './shape-params.ts'
import {
  type AccountRow,
  type Fee,
  mixAccount,
  mixFee,
  mixTotal,
  mixWindowCount,
  type Total,
  type WindowCount,
} from './shape-rows.ts'
import { mixWide3, mixWide10, mixWide30, mixWide60 } from './wide-rows.ts'

/** Chain and exchange: bids of at least 10.00, converted, and the fee of two per cent. */
export function fees(bids: readonly Bid[]): Fee[] {
  return bids
    .filter(({ price }) => price >= 1_000)
    .map(({ auction, bidder, price, dateTime }) => {
      const cents = Math.floor((price * 908) / 1_000)
      return { auction, bidder, fee: Math.floor(cents / 50), dateTime }
    })
}

/** Bids of each auction in each window that has any; tumbling when both are equal. */
export function windowCounts(bids: readonly Bid[], sizeMs: number, slideMs: number): WindowCount[] {
  const windows = new Map<number, Map<number, number>>()
  for (const { auction, dateTime } of bids) {
    for (let start = Math.floor(dateTime / slideMs) * slideMs; start > dateTime - sizeMs; start -= slideMs) {
      const counts = windows.get(start + sizeMs) ?? new Map<number, number>()
      windows.set(start + sizeMs, counts.set(auction, (counts.get(auction) ?? 0) + 1))
    }
  }
  return [...windows].flatMap(([windowEnd, counts]) =>
    [...counts].map(([auction, count]) => ({ auction, windowEnd, count })),
  )
}

/** The largest counts of each window, all that share the first place. */
export function bestCounts(counts: readonly WindowCount[]): WindowCount[] {
  const best = new Map<number, number>()
  for (const { windowEnd, count } of counts) best.set(windowEnd, Math.max(best.get(windowEnd) ?? 0, count))
  return counts.filter(({ windowEnd, count }) => count === best.get(windowEnd))
}

/** The sum of an auction's prices after each bid. */
export function runningSums(bids: readonly Bid[]): Total[] {
  const totals = new Map<number, number>()
  return bids.map(({ auction, price }) => {
    const total = (totals.get(auction) ?? 0) + price
    totals.set(auction, total)
    return { auction, total }
  })
}

/** Count, sum and slowest average of a key's amounts after each of its changes. */
export function accountRows(changes: readonly Change[]): AccountRow[] {
  const amountsOf = new Map<number, number[]>()
  return changes.map(({ key, amount }) => {
    const amounts = amountsOf.get(key) ?? []
    amountsOf.set(key, amounts)
    amounts.push(amount)
    const average = amounts.reduce((before, one) => before + (one - before) * 0.01, 0)
    return {
      key,
      count: amounts.length,
      total: amounts.reduce((sum, one) => sum + one, 0),
      average: Math.floor(average),
    }
  })
}

if (process.argv[1] === import.meta.filename) {
  const [records = 200_000, keys = 0, sizeMs = 10_000, slideMs = 2_000] = process.argv.slice(2).map(Number)
  const bidAt = bidGenerator({ keys })
  const bids = Array.from({ length: records }, (_, index) => bidAt(index))
  print('chain, exchange', fees(bids), mixFee)
  print('keyed-tumbling', windowCounts(bids, sizeMs, sizeMs), mixWindowCount)
  const sliding = windowCounts(bids, sizeMs, slideMs)
  print('sliding', sliding, mixWindowCount)
  print('sliding-best', bestCounts(sliding), mixWindowCount)
  print('running-sum', runningSums(bids), mixTotal)
  const changesOf = (skew: number): Change[] => {
    const changeAt = changeGenerator({ ...(keys === 0 ? {} : { keys }), skew })
    return Array.from({ length: records }, (_, index) => changeAt(index))
  }
  print('large-state', accountRows(changesOf(0)), mixAccount)
  print('large-state with a skew of 0.99', accountRows(changesOf(0.99)), mixAccount)
  const wide = wideGenerators()
  printWide('wide 3', wide[3], mixWide3)
  printWide('wide 10', wide[10], mixWide10)
  printWide('wide 30', wide[30], mixWide30)
  printWide('wide 60', wide[60], mixWide60)

  function printWide<Row extends { readonly f2: number }>(
    shape: string,
    recordAt: (index: number) => Row,
    mix: (row: Row) => number,
  ): void {
    const all = Array.from({ length: records }, (_, index) => recordAt(index))
    print(
      shape,
      all.filter(({ f2 }) => f2 >= AMOUNT_MIN),
      mix,
    )
  }
}

function print<Row>(shape: string, rows: readonly Row[], mix: (row: Row) => number): void {
  const digest = new RowDigest()
  for (const row of rows) digest.add(mix(row))
  console.log(JSON.stringify({ shape, outputs: digest.rows, digest: digest.toString() }))
}
