import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { count, type KeySelector, MillraceError, type NodeSpec, sum } from '@millrace/api'
import { OperatorHarness } from '@millrace/testing'
import fc from 'fast-check'
import { STAGE_BYTES_MAX, StageInbox } from '../../src/chain/stage-inbox.ts'
import {
  BATCH_RECORDS_MAX,
  createOperator,
  hashKey,
  type Operator,
  type OperatorOutput,
  type RecordBatch,
} from '../../src/index.ts'
import { combined, nodeOf } from './operator-nodes.ts'

interface Row {
  readonly key: unknown
  readonly value: number
}

const byField: KeySelector = { kind: 'field', field: 'key' }

const totals: NodeSpec = {
  kind: 'keyedAggregate',
  key: byField,
  aggregate: combined({ n: count(), total: sum('value') }),
  project: ({ n, total }, { key }) => ({ key, n, total }),
}
const reduced: NodeSpec = {
  kind: 'keyedReduce',
  key: { kind: 'function', select: ({ key }) => key },
  reduce: (a, b) => ({ key: a.key, value: a.value + b.value }),
}

/** What the folds above give for each row, by a map of keys as text. */
function expectedOf(spec: NodeSpec, rows: readonly Row[]): unknown[] {
  const seen = new Map<string, { n: number; total: number; key: unknown }>()
  return rows.map(({ key, value }, at) => {
    const name = JSON.stringify(key)
    const { n, total, key: first } = seen.get(name) ?? { n: 0, total: 0, key }
    seen.set(name, { n: n + 1, total: total + value, key: first })
    const record = spec === totals ? { key, n: n + 1, total: total + value } : { key: first, value: total + value }
    return { record, timestamp: at * 10 }
  })
}

function open(spec: NodeSpec, output: OperatorOutput): Operator {
  const operator = createOperator(nodeOf(spec))
  const { host } = new OperatorHarness(createOperator(nodeOf(spec)), { developmentMode: false })
  operator.open({ ...host, output, state: host.state })
  return operator
}

function batchOf(rows: readonly Row[], withHashes = false): RecordBatch {
  return {
    records: [...rows],
    timestamps: rows.map((_, at) => at * 10),
    keyHashes: withHashes ? rows.map(({ key }) => hashKey(key)) : undefined,
  }
}

function takeAll(inbox: StageInbox): unknown[] {
  const taken: unknown[] = []
  for (let first = inbox.first; first?.kind === 'batch'; first = inbox.first) {
    const { records, timestamps } = first.batch
    assert.ok(records.length <= BATCH_RECORDS_MAX)
    records.forEach((record, i) => void taken.push({ record, timestamp: timestamps[i] }))
    inbox.shift()
  }
  return taken
}

const anyKey = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.constantFrom('a', 'b'),
  fc.tuple(fc.integer({ max: 2, min: 0 })),
)
const anyRow: fc.Arbitrary<Row> = fc.record(
  { key: anyKey, value: fc.integer({ min: -9, max: 9 }) },
  { noNullPrototype: true },
)

for (const [name, spec] of [
  ['keyed aggregate', totals],
  ['keyed reduce', reduced],
] as const) {
  describe(name, () => {
    it('gives a value for each record into the inbox of a next stage, whatever the turns', () => {
      fc.assert(
        fc.property(
          fc.array(anyRow, { maxLength: 200 }),
          fc.integer({ min: 1, max: 250 }),
          fc.boolean(),
          (rows, units, withHashes) => {
            const inbox = new StageInbox()
            const operator = open(spec, inbox)
            const batch = batchOf(rows, withHashes)
            for (let next = 0; next < rows.length; ) {
              const budget = { units }
              const after = operator.processBatch(batch, next, budget)
              assert.equal(after, Math.min(rows.length, next + units))
              assert.equal(budget.units, units - (after - next))
              next = after
            }
            assert.deepEqual(takeAll(inbox), expectedOf(spec, rows))
          },
        ),
      )
    })

    it('stops after each record that fills an output which takes them one by one', () => {
      const rows = [3, 1, 2].map((value) => ({ key: 'a', value }))
      const harness = new OperatorHarness(createOperator(nodeOf(spec)), { outputRoomRecords: 1, unitsPerTurn: 2 })
      harness.processBatch(batchOf(rows))
      assert.deepEqual(harness.output, expectedOf(spec, rows))
    })

    it('hands over no more records at once than a batch may have', () => {
      const rows = Array.from({ length: BATCH_RECORDS_MAX + 5 }, (_, value) => ({ key: value % 7, value }))
      const inbox = new StageInbox()
      const operator = open(spec, inbox)
      const batch = batchOf(rows)
      const next = operator.processBatch(batch, 0, { units: 10_000 })
      assert.equal(next, BATCH_RECORDS_MAX)
      assert.ok(inbox.isFull)
      const taken = takeAll(inbox)
      assert.equal(operator.processBatch(batch, next, { units: 10_000 }), rows.length)
      assert.deepEqual([...taken, ...takeAll(inbox)], expectedOf(spec, rows))
    })
  })
}

describe('keyed folds', () => {
  it('stop where what they give is large', () => {
    const inbox = new StageInbox()
    const operator = open({ ...totals, project: () => 'x'.repeat(1_048_576) }, inbox)
    const batch = batchOf(Array.from({ length: 100 }, (_, value) => ({ key: 'a', value })))
    const next = operator.processBatch(batch, 0, { units: 10_000 })
    assert.ok(inbox.isFull && next <= 32, `${next} records of 1 MiB`)
    takeAll(inbox)
    assert.equal(operator.processBatch(batch, next, { units: 10_000 }) - next, STAGE_BYTES_MAX / 1_048_576)
  })

  it('name the step of a function that fails, whose own error is the cause', () => {
    const cause = new Error('boom')
    const fail = () => {
      throw cause
    }
    for (const spec of [
      { ...totals, project: fail },
      { ...totals, key: { kind: 'function', select: fail } },
      { ...reduced, reduce: fail },
    ] as const) {
      for (const output of [new StageInbox(), { isFull: false, emit: () => {} }]) {
        const operator = open(spec, output)
        const batch = batchOf([1, 2].map((value) => ({ key: 'a', value })))
        assert.throws(
          () => operator.processBatch(batch, 0, { units: 10 }),
          (error) => error instanceof MillraceError && error.details.uid === 'operator' && error.cause === cause,
        )
      }
    }
  })

  it('do not blame a step for what the output throws', () => {
    const cause = new Error('no room in memory')
    const output: OperatorOutput = {
      isFull: false,
      emit: () => {},
      pushBatch: () => {
        throw cause
      },
    }
    const operator = open(totals, output)
    assert.throws(() => operator.processBatch(batchOf([{ key: 1, value: 1 }]), 0, { units: 1 }), cause)
  })

  it('refuse a record without fields and what is no key', () => {
    const operator = open(totals, new StageInbox())
    for (const record of [null, undefined, {}]) {
      const batch = { records: [record], timestamps: [1], keyHashes: undefined }
      assert.throws(() => operator.processBatch(batch, 0, { units: 1 }), { code: 'KEY_INVALID' })
    }
  })
})
