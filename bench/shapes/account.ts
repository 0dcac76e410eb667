/** What the shape large-state keeps for each key, and how a change changes it, in the job and in the hand-written loop alike. */
import type { AccountRow } from './shape-rows.ts'

/** Count and sum of the amounts, then averages that forget, at six speeds: some 64 bytes wherever it is stored. */
export type Account = readonly [number, number, number, number, number, number, number, number]

const NONE: Account = [0, 0, 0, 0, 0, 0, 0, 0]

export function changedAccount(before: Account | undefined, amount: number): Account {
  const from = before ?? NONE
  return [
    from[0] + 1,
    from[1] + amount,
    averaged(from[2], amount, 0.9),
    averaged(from[3], amount, 0.7),
    averaged(from[4], amount, 0.3),
    averaged(from[5], amount, 0.1),
    averaged(from[6], amount, 0.03),
    averaged(from[7], amount, 0.01),
  ]
}

export function accountRow(key: number, account: Account): AccountRow {
  return { key, count: account[0], total: account[1], average: Math.floor(account[7]) }
}

function averaged(average: number, amount: number, weight: number): number {
  return average + (amount - average) * weight
}
