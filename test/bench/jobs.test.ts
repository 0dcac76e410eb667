import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowDigest } from '../../bench/digest/row-digest.ts'
import { runBenchmarkJob } from '../../bench/job-run.ts'
import { nexmarkGenerator } from '../../bench/nexmark/generator/nexmark-generator.ts'
import { digestOf, digestOfQuery, NEXMARK_QUERIES } from '../../bench/nexmark/oracle.ts'
import { LOOPS } from '../../bench/peers/loop/loop.ts'
import { RXJS_PIPELINES } from '../../bench/peers/rxjs/pipeline.ts'
import { bidGenerator } from '../../bench/shapes/generator/bid-generator.ts'
import { changeGenerator } from '../../bench/shapes/generator/change-generator.ts'
import { wideGenerators } from '../../bench/shapes/generator/wide-generator.ts'
import { accountRows, bestCounts, fees, runningSums, windowCounts } from '../../bench/shapes/oracle.ts'
import { AMOUNT_MIN, RUNNING_SUM_KEYS } from '../../bench/shapes/shape-params.ts'
import { mixAccount, mixFee, mixTotal, mixWindowCount } from '../../bench/shapes/shape-rows.ts'
import { mixWide3, mixWide10, mixWide30, mixWide60 } from '../../bench/shapes/wide-rows.ts'
import { decideCompared, SHAPES } from '../../bench/workload.ts'
import { firstOf } from './event-digest.ts'

const EVENTS = 20_000
const events = `${EVENTS}`

interface ShapeCase {
  readonly shape: (typeof SHAPES)[number]
  readonly params: Readonly<Record<string, string>>
  readonly configuration?: Readonly<Record<string, string>>
  readonly wanted: RowDigest
}

const bids = firstOf(EVENTS, bidGenerator())
const sliding = windowCounts(bids, 10_000, 2_000)
const wide = wideGenerators()

/** State several times what its cache may hold. */
const BEYOND_MEMORY = { 'state.backend.type': 'segments', 'taskmanager.memory.managed.size': '64 kb' }
const keys = 5_000

const SHAPE_CASES: readonly ShapeCase[] = [
  { shape: 'chain', params: {}, wanted: digestOf(fees(bids), mixFee) },
  { shape: 'exchange', params: {}, wanted: digestOf(fees(bids), mixFee) },
  {
    shape: 'keyed-tumbling',
    params: { sizeMs: '500' },
    wanted: digestOf(windowCounts(bids, 500, 500), mixWindowCount),
  },
  {
    shape: 'keyed-tumbling',
    params: { keys: '10000' },
    wanted: digestOf(windowCounts(firstOf(EVENTS, bidGenerator({ keys: 10_000 })), 10_000, 10_000), mixWindowCount),
  },
  { shape: 'sliding', params: {}, wanted: digestOf(sliding, mixWindowCount) },
  {
    shape: 'sliding',
    params: { events: '5000', sizeMs: '3600', slideMs: '10' },
    wanted: digestOf(windowCounts(bids.slice(0, 5_000), 3_600, 10), mixWindowCount),
  },
  { shape: 'sliding-best', params: {}, wanted: digestOf(bestCounts(sliding), mixWindowCount) },
  {
    shape: 'running-sum',
    params: {},
    wanted: digestOf(runningSums(firstOf(EVENTS, bidGenerator({ keys: RUNNING_SUM_KEYS }))), mixTotal),
  },
  { shape: 'wide', params: { fields: '3' }, wanted: digestOfWide(wide[3], mixWide3) },
  { shape: 'wide', params: {}, wanted: digestOfWide(wide[10], mixWide10) },
  { shape: 'wide', params: { fields: '30' }, wanted: digestOfWide(wide[30], mixWide30) },
  { shape: 'wide', params: { fields: '60' }, wanted: digestOfWide(wide[60], mixWide60) },
  {
    shape: 'large-state',
    params: { keys: `${keys}` },
    configuration: BEYOND_MEMORY,
    wanted: digestOf(accountRows(firstOf(EVENTS, changeGenerator({ keys }))), mixAccount),
  },
  {
    shape: 'large-state',
    params: { keys: `${keys}`, skew: '0.99' },
    configuration: BEYOND_MEMORY,
    wanted: digestOf(accountRows(firstOf(EVENTS, changeGenerator({ keys, skew: 0.99 }))), mixAccount),
  },
]

describe('the Nexmark jobs', () => {
  const all = firstOf(EVENTS, nexmarkGenerator())
  for (const query of NEXMARK_QUERIES) {
    it(`${query} gives the rows of the oracle`, async () => {
      const wanted = digestOfQuery(query, all)
      const { digest } = await runBenchmarkJob(`./nexmark/queries/${query}.ts`, { params: { events } })
      assert.deepEqual(resultOf(digest), resultOf(wanted))
    })
  }

  it('take events out of order, in several splits', async () => {
    const shuffled = firstOf(EVENTS, nexmarkGenerator({ outOfOrderGroupSize: 1_000 }))
    const { digest } = await runBenchmarkJob('./nexmark/queries/q5.ts', {
      params: { events, outOfOrderGroupSize: '1000', splits: '2' },
      configuration: { 'parallelism.default': '2' },
    })
    assert.deepEqual(resultOf(digest), resultOf(digestOfQuery('q5', shuffled)))
  })
})

describe('the shapes', () => {
  for (const { shape, params, configuration = {}, wanted } of SHAPE_CASES) {
    const given = { events, ...params }
    it(`${shape} ${JSON.stringify(params)} gives the rows of the oracle`, async () => {
      const { digest } = await runBenchmarkJob(`./shapes/jobs/${shape}.ts`, { params: given, configuration })
      assert.deepEqual(resultOf(digest), resultOf(wanted))
    })
    const rxjs = RXJS_PIPELINES[shape]
    for (const [variant, loop] of Object.entries({ ...LOOPS[shape], ...(rxjs === undefined ? {} : { rxjs }) })) {
      it(`${shape} ${JSON.stringify(params)} as ${variant} gives them too`, () => {
        assert.deepEqual(resultOf(loop(given)), resultOf(wanted))
      })
    }
  }

  it('are all here, each with a loop', () => {
    assert.deepEqual(new Set(SHAPE_CASES.map(({ shape }) => shape)), new Set(SHAPES))
    assert.deepEqual(Object.keys(LOOPS), [...SHAPES])
  })

  it('compare what does not depend on the order of records', () => {
    const compared = (name: string, parallelism: number) => decideCompared({ kind: 'query', name }, parallelism)
    assert.deepEqual([compared('q18', 1), compared('q18', 2)], ['digest', 'nothing'])
    assert.deepEqual([compared('q16', 2), compared('running-sum', 2), compared('q12', 2)], ['rows', 'rows', 'digest'])
    assert.deepEqual([compared('large-state', 1), compared('large-state', 2)], ['digest', 'rows'])
  })
})

function digestOfWide<Row extends { readonly f2: number }>(
  recordAt: (index: number) => Row,
  mix: (row: Row) => number,
): RowDigest {
  return digestOf(
    firstOf(EVENTS, recordAt).filter(({ f2 }) => f2 >= AMOUNT_MIN),
    mix,
  )
}

function resultOf(digest: RowDigest): { readonly rows: number; readonly digest: string } {
  return { rows: digest.rows, digest: digest.toString() }
}
