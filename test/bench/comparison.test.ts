import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseBenchArguments, UsageError } from '../../bench/bench-arguments.ts'
import { type ComparedSide, type Comparison, describeDifference, type Run, runOf } from '../../bench/comparison.ts'
import { standingsOf } from '../../bench/goal.ts'
import { MILLRACE, PEER_GROUPS, type Peer } from '../../bench/peer.ts'
import { renderComparison } from '../../bench/report.ts'
import { geometricMean, median, spread } from '../../bench/statistics.ts'
import type { Workload } from '../../bench/workload.ts'

const CHAIN: Workload = { kind: 'shape', name: 'chain' }

describe('the flags of the benchmark', () => {
  const namesOf = (...words: string[]) => parseBenchArguments(words).workloads.map(({ name }) => name)

  it('name what is compared; everything by default, only what is named otherwise', () => {
    assert.equal(namesOf().length, 7 + 11)
    assert.deepEqual(namesOf('--shapes', 'chain,wide'), ['chain', 'wide'])
    assert.deepEqual(namesOf('--queries', '0,q22'), ['q0', 'q22'])
    assert.deepEqual(namesOf('--queries', '5', '--shapes', 'sliding'), ['sliding', 'q5'])
    assert.deepEqual(namesOf('--bounds'), [])
  })

  it('take bounds with and without names', () => {
    assert.deepEqual(parseBenchArguments([]).bounds, [])
    assert.equal(parseBenchArguments(['--bounds', '--rounds', '1']).bounds.length, 4)
    assert.deepEqual(parseBenchArguments(['--bounds', 'slow-sink']).bounds, ['slow-sink'])
  })

  it('are refused with what there is', () => {
    for (const words of [['--shapes', 'chian'], ['--events', '0'], ['--queries', '3'], ['--fast']]) {
      assert.throws(() => parseBenchArguments(words), UsageError)
    }
  })
})

describe('a comparison', () => {
  const [loop] = PEER_GROUPS.loop as [Peer]
  const [flink] = PEER_GROUPS.flink as [Peer]
  const [sql] = PEER_GROUPS['flink-sql'] as [Peer]

  it('judges by the paired runs, against the better Flink, with and without start and generator', () => {
    const comparison = comparisonOf([
      sideOf(MILLRACE, 1, [3, 6, 3]),
      sideOf(loop, 1, [2, 5, 2]),
      sideOf(flink, 1, [9, 18, 6]),
      sideOf(sql, 1, [30, 30, 30]),
    ])
    const found = standingsOf(comparison).map(({ against, gross, goal }) => [against, gross, goal?.grossMin])
    assert.deepEqual(found, [
      ['loop', 2 / 3, 1 / 1.5],
      ['flink', 3, undefined],
      ['flink-sql', 10, undefined],
      ['the better of flink, flink-sql', 3, 1.3],
    ])
    const [, flinkStanding] = standingsOf(comparison)
    // Of (9 - 1) / (3 - 1), 17 / 5, 5 / 2; and of 7 / 1, 16 / 4, 4 / 1.
    assert.deepEqual([flinkStanding?.running, flinkStanding?.net], [17 / 5, 4])
  })

  it('has lines that say what was compared, whatever a process says of itself', () => {
    const measured = {
      ...{ peer: 'somebody', parallelism: 7, cpuSeconds: 1, setupCpuSeconds: 0, wallSeconds: 1 },
      ...{ peakMemoryBytes: null, outputs: 1, digest: 'd' },
    }
    const run = runOf(
      measured,
      MILLRACE,
      { kind: 'shape', name: 'chain' },
      { events: 5, parallelism: 2 },
      { generatorOnly: false },
    )
    assert.deepEqual([run.peer, run.shape, run.parallelism, run.events], ['millrace', 'chain', 2, 5])
  })

  it('tells results that differ', () => {
    const sides = [sideOf(MILLRACE, 0, [1, 1], 'a'), sideOf(loop, 0, [1], 'a'), sideOf(flink, 0, [1], 'b')]
    assert.match(describeDifference(sides, 'digest') ?? '', /millrace 5 a; loop 5 a; flink 5 b/)
    assert.equal(describeDifference(sides.slice(0, 2), 'digest'), undefined)
    assert.equal(describeDifference(sides, 'rows'), undefined)
  })

  it('does not say that a goal is reached when the start decides', () => {
    const short = comparisonOf([sideOf(MILLRACE, 0, [2]), sideOf(flink, 0, [9])])
    assert.match(renderComparison(short, standingsOf(short)), /too short to say, the start is up to 50 %/)
    const long = comparisonOf([sideOf(MILLRACE, 0, [20]), sideOf(flink, 0, [90])])
    assert.match(renderComparison(long, standingsOf(long)), /4\.50 × .*at least 1\.3 ×: reached/)
  })
})

describe('the statistics', () => {
  it('are the usual ones', () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5])
    assert.equal(spread([9, 10, 12]), 0.15)
    assert.ok(Math.abs(geometricMean([1, 10, 100]) - 10) < 1e-9)
  })
})

function comparisonOf(sides: readonly ComparedSide[]): Comparison {
  return { workload: CHAIN, settings: { events: 1_000, parallelism: 1 }, sides, compared: 'digest', failures: [] }
}

/** Each run with a start of one second. */
function sideOf(peer: Peer, generatorCpuSeconds: number, cpuSeconds: readonly number[], digest = 'a'): ComparedSide {
  const runs = cpuSeconds.map(
    (one): Run => ({
      peer: peer.name,
      shape: 'chain',
      parallelism: 1,
      events: 1_000,
      generatorOnly: false,
      cpuSeconds: one,
      setupCpuSeconds: 1,
      wallSeconds: 1,
      peakMemoryBytes: 1,
      outputs: 5,
      digest,
    }),
  )
  return { peer, runs, generatorCpuSeconds }
}
