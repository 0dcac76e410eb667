import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import { parseBenchArguments, UsageError } from '../../bench/bench-arguments.ts'
import {
  type ComparedSide,
  type Comparison,
  ComparisonRunner,
  describeDifference,
  type FailedRun,
  type Run,
  resultsOf,
  runOf,
} from '../../bench/comparison.ts'
import { decideVerdict, standingsOf } from '../../bench/goal.ts'
import { MILLRACE, PEER_GROUPS, type Peer, stateMemoryBytes } from '../../bench/peer.ts'
import { renderComparison } from '../../bench/report.ts'
import { geometricMean, halfRange, median, spread } from '../../bench/statistics.ts'
import type { Workload } from '../../bench/workload.ts'

const CHAIN: Workload = { kind: 'shape', name: 'chain' }

describe('the flags of the benchmark', () => {
  const namesOf = (...words: string[]) => parseBenchArguments(words).workloads.map(({ name }) => name)

  it('name what is compared; everything by default, only what is named otherwise', () => {
    assert.equal(namesOf().length, 8 + 11)
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
      sideOf(MILLRACE, [3, 4], [30, 34, 30]),
      sideOf(loop, [3, 4], [20, 26, 20]),
      sideOf(flink, [3, 4], [90, 102, 85]),
      sideOf(sql, [3, 4], [300, 300, 300]),
    ])
    const found = standingsOf(comparison).map(({ against, gross, goal }) => [against, gross, goal?.grossMin])
    assert.deepEqual(found, [
      ['loop', 2 / 3, 1 / 1.5],
      ['flink', 3, undefined],
      ['flink-sql', 10, undefined],
      ['the better of flink, flink-sql', 3, 1.3],
    ])
    const [, flinkStanding] = standingsOf(comparison)
    // Of (90 - 1) / (30 - 1), 101 / 33, 84 / 29; and of the same without 3.5 on each side.
    assert.deepEqual([flinkStanding?.running, flinkStanding?.net], [101 / 33, 97.5 / 29.5])
  })

  it('says no net figure where so little is left of a side that its spread could decide', () => {
    const netOf = (...sides: ComparedSide[]) => standingsOf(comparisonOf(sides))[0]?.net
    // Of the loop 9 or 11 are left of 30: clear. Then less than its runs differ, nothing, and less than nothing on both sides.
    assert.ok((netOf(sideOf(MILLRACE, [10], [40]), sideOf(loop, [20], [30, 32])) ?? 0) > 0)
    for (const [own, others] of [
      [sideOf(MILLRACE, [10], [40]), sideOf(loop, [27], [30, 34])],
      [sideOf(MILLRACE, [10], [40]), sideOf(loop, [25, 33], [30])],
      [sideOf(MILLRACE, [39], [40]), sideOf(loop, [1], [30])],
      [sideOf(MILLRACE, [50], [40]), sideOf(loop, [50], [30])],
    ] as const) {
      assert.equal(netOf(own, others), undefined)
      const comparison = comparisonOf([own, others])
      assert.match(renderComparison(comparison, standingsOf(comparison)), /net too short to say/)
    }
    assert.ok(Number.isNaN(netOf(sideOf(MILLRACE, [], [40]), sideOf(loop, [], [30]))), 'not measured')
  })

  it('holds an exchange against its goal between two slots only', () => {
    const goalAt = (parallelism: number) => {
      const exchange: Workload = { kind: 'shape', name: 'exchange' }
      const sides = [sideOf(MILLRACE, [1], [30]), sideOf(flink, [1], [90])]
      const comparison = { ...comparisonOf(sides), workload: exchange, settings: { events: 1_000, parallelism } }
      return standingsOf(comparison).map(({ goal }) => goal?.grossMin)
    }
    assert.deepEqual([goalAt(1), goalAt(2), goalAt(4)], [[undefined], [3.5], [undefined]])
  })

  it('holds each backend of Millrace against its own goal, uniform and skewed', () => {
    const [rocksdb] = PEER_GROUPS.rocksdb as [Peer]
    const found = (skew: number | undefined) => {
      const sides = [sideOf(MILLRACE, [1], [20]), sideOf(flink, [1], [40]), sideOf(rocksdb, [1], [80])]
      const workload: Workload = { kind: 'shape', name: 'large-state' }
      const comparison = { ...comparisonOf(sides), workload, settings: { events: 1_000, parallelism: 1, skew } }
      const standings = standingsOf(comparison)
      assert.match(renderComparison(comparison, standings), /^ {2}millrace-rocksdb: 0\.50 × the events per CPU/m)
      return standings.map(({ side, against, gross, goal }) => [side, against, gross, goal?.grossMin])
    }
    assert.deepEqual(found(undefined), [
      ['millrace', 'flink', 2, 2],
      ['millrace-rocksdb', 'flink', 0.5, 0.5],
    ])
    assert.deepEqual(found(0.99), [
      ['millrace', 'flink', 2, 2],
      ['millrace-rocksdb', 'flink', 0.5, 2],
    ])
  })

  it('gives the backends of all sides a fifth of the memory that the state takes', () => {
    const large: Workload = { kind: 'shape', name: 'large-state' }
    const settings = { events: 1_000, parallelism: 2, keys: 10_000_000 }
    assert.equal(stateMemoryBytes(settings), 72_000_000)
    assert.equal(stateMemoryBytes({ ...settings, keys: 1_000 }), 28_000_000, 'what Flink needs at least')
    const { args } = MILLRACE.command(large, { ...settings, skew: 0.99 })
    for (const word of ['skew=0.99', 'state.backend.type=segments', 'taskmanager.memory.managed.size=72000000 b']) {
      assert.ok(args.includes(word), word)
    }
    assert.ok(!MILLRACE.command(CHAIN, settings).args.some((word) => word.startsWith('state.backend')))
  })

  it('writes a line for each side that failed, and leaves it out', async () => {
    const nobody: Peer = {
      ...loop,
      command: () => ({ command: process.execPath, args: ['--no-such-flag', '/a/b.ts'] }),
    }
    const lines: (Run | FailedRun)[] = []
    const runner = new ComparisonRunner(2, (line) => lines.push(line))
    const { sides, failures } = await runner.compare(CHAIN, { events: 100, parallelism: 1 }, [nobody])
    const [failed] = lines.filter((line) => 'failure' in line)
    assert.deepEqual([sides, failures.length, lines.length], [[], 1, 3])
    assert.deepEqual([failed?.peer, failed?.shape, failed?.generatorOnly], ['loop', 'chain', false])
    assert.match(
      (failed as FailedRun).failure,
      /^\S+ --no-such-flag b\.ts ended with 9/,
      'without places of this machine',
    )
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
    const sides = resultsOf([
      sideOf(MILLRACE, [], [1, 1], 'a'),
      sideOf(loop, [], [1], 'a'),
      sideOf(flink, [], [1], 'b'),
    ])
    assert.match(describeDifference(sides, 'digest') ?? '', /millrace 5 a; loop 5 a; flink 5 b/)
    assert.equal(describeDifference(sides.slice(0, 2), 'digest'), undefined)
    assert.equal(describeDifference(sides, 'rows'), undefined)
  })

  it('says a verdict beside a start of some size when it is the same without it', () => {
    const verdictOf = (gross: number, running: number, startShare: number) =>
      decideVerdict({ gross, running, startShare }, 2)
    assert.deepEqual([verdictOf(2, 1, 0.1), verdictOf(1, 3, 0.1)], ['reached', 'not reached'])
    assert.deepEqual([verdictOf(3, 2, 0.3), verdictOf(1, 1.9, 0.3)], ['reached', 'not reached'])
    assert.deepEqual([verdictOf(3, 1.9, 0.3), verdictOf(1, 2, 0.3)], ['too short', 'too short'])
    assert.deepEqual([verdictOf(3, 3, 0.35), verdictOf(1, 1, 0.35)], ['too short', 'too short'])
  })

  it('does not say that a goal is reached when the start decides', () => {
    const short = comparisonOf([sideOf(MILLRACE, [], [2]), sideOf(flink, [], [9])])
    assert.match(renderComparison(short, standingsOf(short)), /too short to say, the start is up to 50 %/)
    const long = comparisonOf([sideOf(MILLRACE, [], [20]), sideOf(flink, [], [90])])
    assert.match(renderComparison(long, standingsOf(long)), /4\.50 × .*at least 1\.3 ×: reached/)
  })
})

describe('the statistics', () => {
  it('are the usual ones', () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5])
    assert.deepEqual([spread([9, 10, 12]), halfRange([9, 10, 12]), halfRange([7])], [0.15, 1.5, 0])
    assert.ok(Math.abs(geometricMean([1, 10, 100]) - 10) < 1e-9)
  })
})

function comparisonOf(sides: readonly ComparedSide[]): Comparison {
  return { workload: CHAIN, settings: { events: 1_000, parallelism: 1 }, sides, compared: 'digest', failures: [] }
}

/** Each run with a start of one second. */
function sideOf(
  peer: Peer,
  generatorCpuSeconds: readonly number[],
  cpuSeconds: readonly number[],
  digest = 'a',
): ComparedSide {
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
