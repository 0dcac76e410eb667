import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import type { FailedRun, Run } from '../../bench/comparison.ts'
import { measureCheckpointCost } from '../../bench/costs/checkpoints.ts'
import { type FailedPauses, measurePauses, type PauseRun } from '../../bench/costs/pauses.ts'
import { measureScaling } from '../../bench/costs/scaling.ts'
import { measureCurve } from '../../bench/curves/measure-curve.ts'
import type { FailedLatency, LatencyLine } from '../../bench/latency/latency-line.ts'
import type { LatencyRunSettings } from '../../bench/latency/latency-run.ts'
import { measureLatency } from '../../bench/latency/latency-suite.ts'
import type { Command, Measured } from '../../bench/measured-process.ts'
import { MILLRACE, PEER_GROUPS, type Peer } from '../../bench/peer.ts'

const [jet] = PEER_GROUPS.jet as [Peer]
const NO_COMMAND: Command = { command: process.execPath, args: ['--no-such-flag'] }

function printing(line: object): Command {
  return { command: 'echo', args: [JSON.stringify(line)] }
}

function measured(more: Partial<Measured>): Measured {
  return {
    ...{ cpuSeconds: 11, setupCpuSeconds: 1, wallSeconds: 11, setupWallSeconds: 1, peakMemoryBytes: 1 },
    ...{ outputs: 1, digest: 'a', checkpoints: 2, ...more },
  }
}

describe('a suite with a run that fails', () => {
  const broken: Peer = { ...MILLRACE, command: () => NO_COMMAND }

  it('of costs has a line for it and does not hold', async () => {
    const runs: (Run | FailedRun)[] = []
    const pauses: (PauseRun | FailedPauses)[] = []
    assert.equal(await measureCheckpointCost(1, 2, (run) => runs.push(run), broken), false)
    assert.deepEqual([runs.length, runs.every((run) => 'failure' in run && run.suite === 'checkpoints')], [3, true])
    runs.length = 0
    assert.equal(
      await measureScaling(
        100,
        2,
        (run) => runs.push(run),
        broken,
        async () => 2,
      ),
      false,
    )
    assert.deepEqual([runs.length, runs.every((run) => 'failure' in run && run.suite === 'scaling')], [8, true])
    assert.equal(await measurePauses(100, 1, (run) => pauses.push(run), broken), false)
    assert.deepEqual([pauses.length, pauses.every((run) => 'failure' in run)], [2, true])
  })

  it('of a curve has a line for it, its other sides too', async () => {
    const runs: (Run | FailedRun)[] = []
    const others: Peer = { ...jet, has: () => true, command: () => NO_COMMAND }
    const asked = { events: 100, fields: 3 }
    assert.equal(await measureCurve('width', [others], asked, 1, (run) => runs.push(run)), false)
    assert.deepEqual(
      runs.map((run) => [run.peer, 'failure' in run]),
      [
        ['millrace', false],
        ['jet', true],
      ],
    )
  })

  it('of latency has a line for it, in the search and behind it', async () => {
    const lines: (LatencyLine | FailedLatency)[] = []
    assert.equal(
      await measureLatency(
        ['chain'],
        1,
        (line) => lines.push(line),
        () => NO_COMMAND,
      ),
      false,
    )
    assert.deepEqual(
      lines.map((line) => ['failure' in line, line.parallelism, line.perSecond, line.ratePercent]),
      [
        [true, 1, null, null],
        [true, 2, null, null],
      ],
    )
  })
})

describe('a suite with results that differ', () => {
  /** Another digest where this is so. */
  const differing = (isOther: (settings: Parameters<Peer['command']>[1]) => boolean): Peer => ({
    ...MILLRACE,
    command: (_, settings) => printing(measured({ digest: isOther(settings) ? 'b' : 'a' })),
  })

  it('of costs does not hold', async () => {
    const nothing = (): void => {}
    const checkpoints = (peer: Peer) => measureCheckpointCost(1, 1, nothing, peer)
    const scaling = (peer: Peer) => measureScaling(100, 1, nothing, peer, async () => 2)
    assert.equal(await checkpoints(differing(() => false)), true)
    assert.equal(await checkpoints(differing((one) => one.checkpointIntervalMs === 0)), false)
    assert.equal(await scaling(differing(() => false)), true)
    assert.equal(await scaling(differing((one) => one.parallelism === 2)), false)
  })

  it('of a curve does not hold', async () => {
    const others: Peer = { ...jet, has: () => true, command: () => printing(measured({})) }
    assert.equal(await measureCurve('width', [others], { events: 100, fields: 3 }, 1, () => {}), false)
  })
})

describe('the search for the maximal rate', () => {
  /** A job that gives 1,000 records per second without a pace and keeps up with 600, and with nothing in two slots. */
  function command({ perSecond, parallelism }: LatencyRunSettings): Command {
    const limit = parallelism === 1 ? 600 : 0
    return printing({
      ...{ records: 1, rows: 1, recorded: 1, reachedPerSecond: perSecond ?? 1_000, checkpoints: 9 },
      ...{ backlogMs: (perSecond ?? 0) > limit ? 500 : 0, p50Ms: 1, p90Ms: 1, p99Ms: 1, p999Ms: 1, maxMs: 1 },
      ...{ cpuSeconds: 1, wallSeconds: 1, peakMemoryBytes: 1 },
    })
  }

  it('comes before the runs at shares of it; where no rate is kept up with there are none', async () => {
    const lines: (LatencyLine | FailedLatency)[] = []
    assert.equal(await measureLatency(['chain'], 10, (line) => lines.push(line), command), false)
    const rates = (parallelism: number, isSearch: boolean) =>
      lines
        .filter((line) => line.parallelism === parallelism && (line.ratePercent === null) === isSearch)
        .map(({ perSecond }) => perSecond)
    // Down to 490, then halving: between 490 and 700 is 586, above it 640, and that is a tenth above.
    assert.deepEqual(rates(1, true), [null, 1_000, 700, 490, 586, 640])
    assert.deepEqual(rates(1, false), [59, 59, 59, 293, 293, 293, 527, 527, 527])
    assert.deepEqual(rates(2, false), [])
    const [last] = lines.slice(-1)
    assert.match(last !== undefined && 'failure' in last ? last.failure : '', /keeps up with no rate/)
  })
})
