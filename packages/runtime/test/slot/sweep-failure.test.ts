/** What fails while expired state is removed is the failure of the task whose state it is, not of its thread. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  collect,
  defineJob,
  generator,
  type JobDefinition,
  keyedProcess,
  MillraceError,
  type,
  valueState,
} from '@millrace/api'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { deploySlot } from './deployed-slot.ts'

/** Its disk is full when it removes what has expired. */
class FullBackend extends HeapStateBackend {
  override sweepDueMs(): number {
    return 0
  }
  override sweepExpired(): boolean {
    throw new MillraceError('DISK_FAILED', 'There is no room')
  }
}

const keep = keyedProcess({
  state: { seen: valueState<number>({ ttl: '1 s' }) },
  emits: type<number>(),
  onRecord(_record: { readonly k: string }, { state }) {
    state.seen.set(1)
  },
})

const job = defineJob({
  name: 'swept',
  build(env) {
    env
      .from(generator({ records: 1, generate: () => ({ k: 'a' }) }), { uid: 'numbers' })
      .keyBy('k')
      .process(keep, { uid: 'keep' })
      .to(collect('out'), { uid: 'out' })
  },
}) as unknown as JobDefinition

test('a failure while expired state is removed is told as that of the task', async (t) => {
  const { slot, told } = await deploySlot(t, job, {
    createBackend: (keyGroups, maxParallelism) =>
      new FullBackend({ keyGroups, maxParallelism, now: () => 0, monotonicMs: () => 0 }),
  })
  slot.onMessage({ type: 'start', restoredEventTimes: {} })
  slot.turn()
  const failed = told.find(({ type }) => type === 'failed')
  assert.ok(failed?.type === 'failed', JSON.stringify(told))
  assert.equal(failed.error.code, 'DISK_FAILED')
  assert.match(failed.error.message, /keep.*There is no room/i)
})
