import { RowDigest } from '../../digest/row-digest.ts'
import { type Account, accountRow, changedAccount } from '../../shapes/account.ts'
import { changeGenerator } from '../../shapes/generator/change-generator.ts'
import { changeOptionsOf } from '../../shapes/shape-params.ts'
import { mixAccount } from '../../shapes/shape-rows.ts'
import type { LoopParams } from './loop-params.ts'

/** One map, with all accounts in memory. */
export function largeState(params: LoopParams): RowDigest {
  const changeAt = changeGenerator(changeOptionsOf(params))
  const events = Number(params.events)
  const digest = new RowDigest()
  const accounts = new Map<number, Account>()
  for (let index = 0; index < events; index++) {
    const { key, amount } = changeAt(index)
    const account = changedAccount(accounts.get(key), amount)
    accounts.set(key, account)
    digest.add(mixAccount(accountRow(key, account)))
  }
  return digest
}
