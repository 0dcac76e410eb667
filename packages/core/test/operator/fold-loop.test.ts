/** What a running aggregate does with values in cells: the same as without, in results, refusals and stored bytes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { count, filtered, MillraceError, max, min, type NodeSpec, sum } from '@millrace/api'
import { OperatorHarness, type SegmentChains } from '@millrace/testing'
import fc from 'fast-check'
import { createOperator, type TableDescriptor, type ValueTable } from '../../src/index.ts'
import { combined, nodeOf } from './operator-nodes.ts'

interface Row {
  readonly key: unknown
  readonly value: unknown
}

const isLarge = ({ value }: { value: unknown }) => (value as number) > 2

const totals: NodeSpec = {
  kind: 'keyedAggregate',
  key: { kind: 'field', field: 'key' },
  aggregate: combined({
    n: count(),
    total: sum('value'),
    least: min('value'),
    most: max('value'),
    large: filtered(count(), isLarge),
  }),
  project: (results, { key }) => ({ ...results, key }),
}

interface Watched {
  readonly harness: OperatorHarness
  /** Values read by `get`. */
  readonly reads: () => number
}

/** The step over state whose tables offer cells or not. */
function open(hasCells: boolean, restore?: SegmentChains): Watched {
  const operator = createOperator(nodeOf(totals))
  const openOperator = operator.open.bind(operator)
  let reads = 0
  operator.open = (host) => {
    const valueTable = host.state.valueTable.bind(host.state)
    host.state.valueTable = <V>(descriptor: TableDescriptor): ValueTable<V> => {
      const table = valueTable<V>(descriptor)
      const { cells } = table
      assert.ok(cells)
      return {
        get() {
          reads++
          return table.get()
        },
        put: (value) => table.put(value),
        remove: () => table.remove(),
        ...(hasCells ? { cells } : {}),
      }
    }
    openOperator(host)
  }
  const harness = new OperatorHarness(operator, restore === undefined ? {} : { restore })
  return { harness, reads: () => reads }
}

function lastOf(harness: OperatorHarness): unknown {
  return harness.output.at(-1)?.record
}

/** What comes of the rows up to the first refusal, with two snapshots and a restore between. */
function run(rows: readonly Row[], hasCells: boolean): unknown {
  const results: unknown[] = []
  const segments: unknown[] = []
  let { harness } = open(hasCells)
  for (const [i, row] of rows.entries()) {
    try {
      harness.processRecord(row, i)
    } catch (error) {
      assert.ok(error instanceof MillraceError)
      return { results, segments, refusal: error.message, rest: harness.drainOutput() }
    }
    if (i % 16 === 15) {
      results.push(...harness.drainOutput())
      const chains = harness.snapshot()
      segments.push(...chains.segments.map(({ ref, bytes }) => ({ ...ref, bytes })))
      if (i % 32 === 31) {
        harness.close()
        harness = open(hasCells, chains).harness
      }
    }
  }
  return { results, segments, rest: harness.drainOutput() }
}

const anyValue = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 4, arbitrary: fc.oneof(fc.double(), fc.maxSafeInteger(), fc.constantFrom(-0, Number.MAX_SAFE_INTEGER)) },
  { weight: 1, arbitrary: fc.constantFrom(null, undefined, 3n) },
)
const anyKey = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.constantFrom('a', 'b'), fc.tuple(fc.nat(1), fc.nat(1)))

describe('running aggregates in cells', () => {
  it('give and store what they do without', () => {
    const anyRow = fc.record({ key: anyKey, value: anyValue }, { noNullPrototype: true })
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 20, maxLength: 90 }), (rows) => {
        assert.deepEqual(run(rows, true), run(rows, false))
      }),
    )
  })

  it('read no value that stands in cells', () => {
    const { harness, reads } = open(true)
    const keys = 10
    for (let i = 0; i < keys * 5; i++) harness.processRecord({ key: i % keys, value: i }, i)
    // The first of each; with the fifth the values move into cells.
    assert.equal(reads(), keys)
    harness.processRecord({ key: 3, value: null }, 99)
    assert.equal(reads(), keys)
    assert.deepEqual(lastOf(harness), { n: 6, total: 115, least: 3, most: 43, large: 5, key: 3 })
  })

  it('go on where a sum has outgrown its cell', () => {
    const { harness } = open(true)
    const give = (key: number, value: number) => harness.processRecord({ key, value }, 0)
    const great = Number.MAX_SAFE_INTEGER
    for (let key = 0; key < 8; key++) give(key, 1)
    for (const value of [great, great, great, -great, -great]) give(1, value)
    // Rounded on the way it would be something else.
    assert.deepEqual(lastOf(harness), { n: 6, total: great + 1, least: -great, most: great, large: 3, key: 1 })
    give(1, -2)
    assert.deepEqual(lastOf(harness), { n: 7, total: great - 1, least: -great, most: great, large: 3, key: 1 })
  })

  it('keep the value of before where user code throws', () => {
    const boom = new Error('boom')
    const total = sum((row: { value: unknown }) => {
      if (row.value === 'boom') throw boom
      return row.value as number
    })
    const spec: NodeSpec = { ...totals, aggregate: combined({ n: count(), total }) }
    const harness = new OperatorHarness(createOperator(nodeOf(spec)))
    for (let key = 0; key < 8; key++) harness.processRecord({ key, value: key }, 0)
    assert.throws(() => harness.processRecord({ key: 3, value: 'boom' }, 1), {
      code: 'USER_FUNCTION_FAILED',
      cause: boom,
    })
    harness.processRecord({ key: 3, value: 1 }, 2)
    assert.deepEqual(lastOf(harness), { n: 2, total: 4, key: 3 })
  })
})
