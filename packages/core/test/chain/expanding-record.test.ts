import assert from 'node:assert/strict'
import { it } from 'node:test'
import { StageInbox } from '../../src/chain/stage-inbox.ts'
import { BATCH_RECORDS_MAX, OperatorChain, type OperatorHost } from '../../src/index.ts'
import { FlatMapOperator } from '../../src/operator/flat-map.ts'
import { FiringOperator } from './firing-operator.ts'

// Found by test/memory: the step ended as if it waited for something, with work left in both stages.
it('a record that gives more than the next stage holds is worked off in one step', () => {
  const records = 3 * BATCH_RECORDS_MAX
  const seen: unknown[] = []
  const tail = { isFull: false, emit: (record: unknown) => seen.push(record), onWatermark: () => {}, onEnd: () => {} }
  const inboxes = [new StageInbox(), new StageInbox()] as const
  const flatMap = new FlatMapOperator({
    kind: 'flatMap',
    flatMap: (count) => Array.from({ length: count as number }, (_, index) => index),
  })
  flatMap.open({ output: inboxes[1] } as unknown as OperatorHost)
  const next = new FiringOperator({ name: 'next', firings: 0, output: tail })
  const chain = new OperatorChain(
    [
      { operator: flatMap, outputs: [inboxes[1]] },
      { operator: next, outputs: [tail] },
    ],
    inboxes,
    tail,
  )
  chain.pushBatch({ records: [records], timestamps: [0], keyHashes: undefined })
  assert.equal(chain.step({ units: 10 * records }), 'idle')
  assert.equal(seen.length, records)
})
