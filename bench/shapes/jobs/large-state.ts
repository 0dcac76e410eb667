/** An account for each key, read, changed and written back with each of its changes. */
import { defineJob, generator, keyedProcess, type, valueState } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { type Account, accountRow, changedAccount } from '../account.ts'
import { type Change, changeGenerator } from '../generator/change-generator.ts'
import { changeOptionsOf } from '../shape-params.ts'
import { type AccountRow, mixAccount } from '../shape-rows.ts'

export default defineJob({
  name: 'shape-large-state',
  build(env, params) {
    env
      .from(
        generator({
          generate: changeGenerator(changeOptionsOf(params)),
          records: Number(params.events),
          splits: Number(params.splits ?? 1),
        }),
        { uid: 'changes' },
      )
      .keyBy('key')
      .process(accounts, { uid: 'accounts' })
      .to(digestSink(mixAccount), { uid: 'out' })
  },
})

const accounts = keyedProcess({
  state: { account: valueState<Account>() },
  emits: type<AccountRow>(),
  onRecord({ key, amount }: Change, { state, emit }) {
    const account = changedAccount(state.account.get(), amount)
    state.account.set(account)
    emit(accountRow(key, account))
  },
})
