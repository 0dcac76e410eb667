import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RowDigest } from '../../bench/digest/row-digest.ts'
import { measure } from '../../bench/measured-process.ts'
import { digestOf } from '../../bench/nexmark/oracle.ts'
import { MILLRACE, missingFor, PEER_GROUPS, type Peer } from '../../bench/peer.ts'
import { bidGenerator } from '../../bench/shapes/generator/bid-generator.ts'
import { changeGenerator } from '../../bench/shapes/generator/change-generator.ts'
import { accountRows, bestCounts, fees, runningSums, windowCounts } from '../../bench/shapes/oracle.ts'
import { RUNNING_SUM_KEYS } from '../../bench/shapes/shape-params.ts'
import { mixAccount, mixFee, mixTotal, mixWindowCount } from '../../bench/shapes/shape-rows.ts'
import type { WorkloadSettings } from '../../bench/workload.ts'
import { firstOf } from './event-digest.ts'

const EVENTS = 20_000
const settings: WorkloadSettings = { events: EVENTS, parallelism: 1 }
const bids = firstOf(EVENTS, bidGenerator())
const sliding = windowCounts(bids, 10_000, 2_000)

const WANTED: Readonly<Record<string, RowDigest>> = {
  chain: digestOf(fees(bids), mixFee),
  'keyed-tumbling': digestOf(windowCounts(bids, 10_000, 10_000), mixWindowCount),
  sliding: digestOf(sliding, mixWindowCount),
  'sliding-best': digestOf(bestCounts(sliding), mixWindowCount),
  'running-sum': digestOf(runningSums(firstOf(EVENTS, bidGenerator({ keys: RUNNING_SUM_KEYS }))), mixTotal),
}

describe('Hazelcast Jet', { skip: skipOf('jet') }, () => {
  const [jet] = PEER_GROUPS.jet as [Peer]
  for (const [name, wanted] of Object.entries(WANTED)) {
    it(`gives the rows of the oracle for ${name}`, () => givesRows(jet, name, settings, wanted))
  }

  it('gives them with two threads, and in windows of another size', async () => {
    await givesRows(jet, 'sliding-best', { ...settings, parallelism: 2 }, WANTED['sliding-best'] as RowDigest)
    const windows = { ...settings, sizeMs: 900, slideMs: 300, keys: 500 }
    const wanted = digestOf(windowCounts(firstOf(EVENTS, bidGenerator({ keys: 500 })), 900, 300), mixWindowCount)
    await givesRows(jet, 'sliding', windows, wanted)
  })

  it('has the shapes that its goals are about, and no queries', () => {
    const names = [
      'chain',
      'exchange',
      'keyed-tumbling',
      'sliding',
      'sliding-best',
      'running-sum',
      'wide',
      'large-state',
    ]
    assert.deepEqual(
      names.filter((name) => jet.has({ kind: 'shape', name })),
      Object.keys(WANTED),
    )
    assert.ok(!jet.has({ kind: 'query', name: 'q5' }))
    assert.ok(MILLRACE.has({ kind: 'query', name: 'q5' }))
  })
})

describe('Apache Flink', { skip: skipOf('flink') }, () => {
  const [flink] = PEER_GROUPS.flink as [Peer]
  const [sql] = PEER_GROUPS['flink-sql'] as [Peer]

  it('gives the rows of the oracle in both of its interfaces', async () => {
    await givesRows(flink, 'chain', settings, WANTED.chain as RowDigest)
    await givesRows(sql, 'keyed-tumbling', settings, WANTED['keyed-tumbling'] as RowDigest)
  })

  it('gives them with its state in RocksDB, skewed too', async () => {
    for (const skew of [undefined, 0.99]) {
      const changes = { keys: 5_000, ...(skew === undefined ? {} : { skew }) }
      const wanted = digestOf(accountRows(firstOf(EVENTS, changeGenerator(changes))), mixAccount)
      await givesRows(flink, 'large-state', { ...settings, ...changes }, wanted)
    }
  })
})

/** Why the tests of a peer cannot run here; false when they can. */
function skipOf(group: string): string | false {
  const missing = missingFor(group)
  return missing === undefined ? false : `${group} needs ${missing}`
}

async function givesRows(peer: Peer, name: string, given: WorkloadSettings, wanted: RowDigest): Promise<void> {
  const { outputs, digest } = await measure(peer.command({ kind: 'shape', name }, given))
  assert.deepEqual({ outputs, digest }, { outputs: wanted.rows, digest: wanted.toString() })
}
