import assert from 'node:assert/strict'
import { cpus } from 'node:os'
import process from 'node:process'
import { describe, it } from 'node:test'
import { parseBenchArguments, UsageError } from '../../bench/bench-arguments.ts'
import type { FailedRun, Run } from '../../bench/comparison.ts'
import { checkpointVerdict, costOfCheckpoints } from '../../bench/costs/checkpoints.ts'
import { pausesOfSlots } from '../../bench/costs/pauses.ts'
import { busyText, scalingOf } from '../../bench/costs/scaling.ts'
import { renderStateCost, type StateCost } from '../../bench/costs/state-cost.ts'
import { type CurveName, pointsOf } from '../../bench/curves/curve.ts'
import { measureFreeCores } from '../../bench/machine/free-cores.ts'
import { measureLongestPause } from '../../bench/machine/longest-pause.ts'
import { PEER_GROUPS, type Peer } from '../../bench/peer.ts'
import { differencesOf, runInTurn } from '../../bench/runs-in-turn.ts'

describe('the flags of the suites', () => {
  it('come with and without names, and leave the comparison out', () => {
    const all = parseBenchArguments(['--latency', '--curves', '--costs', 'pauses'])
    assert.deepEqual(all.latency, ['chain', 'keyed', 'window'])
    assert.deepEqual(all.curves, ['keys', 'windows', 'parallelism', 'width'])
    assert.deepEqual([all.costs, all.workloads, all.bounds], [['pauses'], [], []])
    assert.throws(() => parseBenchArguments(['--curves', 'length']), UsageError)
  })
})

describe('the points of the curves', () => {
  it('have enough records for their keys', () => {
    for (const { settings } of pointsOf('keys', { events: 1_000 }))
      assert.ok(settings.events >= 2 * (settings.keys ?? 0))
  })

  it('of many windows have all peers at the fewest records, and more where a peer can do them', () => {
    const place = { keys: 1_000, sizeMs: 3_600_000 }
    const found = pointsOf('windows', { events: 5_000_000, ...place }).map(({ settings, peers }) => [
      settings.events,
      peers,
    ])
    assert.deepEqual(found, [
      [150, undefined],
      [3_000, ['flink']],
      [500_000, ['loop', 'jet']],
    ])
    assert.deepEqual(
      pointsOf('windows', { events: 100, ...place }).map(({ settings, peers }) => [settings.events, peers]),
      [[100, undefined]],
    )
    const numbers = Map.groupBy(pointsOf('windows', { events: 5_000_000 }), ({ settings }) =>
      JSON.stringify([settings.keys, settings.sizeMs]),
    )
    assert.equal(numbers.size, 2 * 5)
    for (const points of numbers.values()) assert.equal(points.filter(({ peers }) => peers === undefined).length, 1)
  })

  it('can be asked for one by one', () => {
    const placesOf = (curve: CurveName, more: object) =>
      pointsOf(curve, { events: 1_000, ...more }).map(({ workload, settings }) => [
        workload.name,
        settings.keys,
        settings.fields,
      ])
    assert.deepEqual(placesOf('keys', { keys: 10_000 }), [
      ['running-sum', 10_000, undefined],
      ['keyed-tumbling', 10_000, undefined],
    ])
    assert.deepEqual(placesOf('width', { fields: 30 }), [['wide', undefined, 30]])
  })
})

describe('the costs', () => {
  it('of checkpoints are of pairs of runs without their start', () => {
    const cost = costOfCheckpoints([runOf(11, 11), runOf(21, 21)], [runOf(12, 11, 3), runOf(23, 31, 3)])
    assert.deepEqual([cost.cpu.toFixed(3), cost.wall.toFixed(3), cost.checkpoints], ['0.100', '0.250', 2])
  })

  it('of checkpoints have no verdict without one, nor where the pairs differ more than it is from its goal', () => {
    const cost = { cpu: 0.03, cpuHalfRange: 0.01, wall: 0, checkpoints: 1, pairs: 3 }
    assert.equal(checkpointVerdict(cost), 'reached')
    assert.equal(checkpointVerdict({ ...cost, cpu: 0.07 }), 'NOT reached')
    assert.equal(checkpointVerdict({ ...cost, cpuHalfRange: 0.03 }), 'too close to say')
    assert.equal(checkpointVerdict({ ...cost, checkpoints: 0 }), 'too short to say')
    assert.equal(checkpointVerdict({ ...cost, pairs: 1 }), 'too short to say')
  })

  it('of two slots are what one does not need, of pairs of runs that had two free cores', () => {
    const free = { freeCores: 1.98, othersCores: 0.05 }
    const alone = { ...runOf(11, 11), ...free }
    const both = { ...runOf(21, 6), ...free }
    const { speedUp, cpu, share, freePairs } = scalingOf([alone], [both])
    assert.deepEqual([speedUp, cpu, share, freePairs], [2, 2, 0.5, 1])
    const busy: readonly (readonly [Run, Run])[] = [
      [{ ...alone, freeCores: 1.5 }, both],
      [alone, { ...both, othersCores: 0.4 }],
      [{ ...alone, othersCores: 0.4 }, both],
      // A slot that waited for a core, whatever was seen of others.
      [{ ...alone, wallSeconds: 14 }, both],
      // Not measured.
      [runOf(11, 11), both],
    ]
    for (const [one, two] of busy) {
      assert.match(busyText(scalingOf([one], [two])) ?? '', /^not said: no two free cores in any of 1 pairs/)
      // Beside a pair that was free it does not count.
      const mixed = scalingOf([one, alone], [two, both])
      assert.deepEqual([mixed.speedUp, mixed.freePairs, mixed.pairs, busyText(mixed)], [2, 1, 2, undefined])
    }
  })

  it('of state say what is reached, of the slower of bytes and time, and per core', () => {
    const process = { cpuSeconds: 9, wallSeconds: 9, peakMemoryBytes: 1 }
    const restore: StateCost = {
      ...process,
      cost: 'restore',
      keys: 5_000_000,
      parallelism: 2,
      stateBytes: 65e6,
      restoreCpuSeconds: 8,
      restoreWallMs: 5_500,
      deployMs: 300,
      readMs: 100,
      decodeMs: 4_900,
    }
    assert.match(renderStateCost(restore), /500 k keys per second and core; goal at least 500 k: reached$/)
    assert.match(renderStateCost({ ...restore, decodeMs: 5_000 }), /: NOT reached$/)
    const incremental: StateCost = {
      ...process,
      cost: 'incremental',
      keys: 5_000_000,
      fullBytes: 1e8,
      fullMs: 1_000,
      incrementalBytes: 1e6,
      incrementalMs: 30,
    }
    assert.match(renderStateCost(incremental), /1\.0 % of the bytes, 3\.0 % of the time; goal at most 3\.0 %: reached$/)
    assert.match(renderStateCost({ ...incremental, incrementalMs: 31 }), /: NOT reached$/)
    const churn: StateCost = {
      ...process,
      cost: 'churn',
      checkpoints: 10_000,
      heldBytes: 2e6,
      liveBytes: 1e6,
      files: 8,
      deadFiles: 0,
      startMsEarly: 1,
      startMsLate: 1,
    }
    assert.match(renderStateCost(churn), /goal at most 2×, none dead: reached$/)
    assert.match(renderStateCost({ ...churn, deadFiles: 1 }), /: NOT reached$/)
    const times = { checkpoints: 7, alignedMs: 1_234, unalignedMs: 5.4, inFlightBytes: 2e6 }
    const unaligned: StateCost = { ...process, cost: 'unaligned', parallelism: 2, ...times }
    assert.match(
      renderStateCost(unaligned),
      /1234 ms with aligned .* 5 ms with .* overtake, which store 2\.0 MB in flight$/,
    )
    const memory: StateCost = {
      ...process,
      cost: 'memory',
      keys: 1_000_000,
      valueBytes: 16.04,
      mapBytes: 301.6,
      windowBytes: 17,
    }
    assert.match(renderStateCost(memory), / 16\.0 bytes .* 302 for one with a map .* 17\.0 for one with a value/)
  })

  it('of two slots begin with what threads that only count get done', async () => {
    const free = await measureFreeCores(2)
    // How much that is, is the machine's business.
    assert.ok(Number.isFinite(free) && free > 0, `${free}`)
  })

  it('of latency begin with how long the machine lets a thread wait that only counts', async () => {
    const longestMs = await measureLongestPause(2)
    assert.ok(Number.isFinite(longestMs) && longestMs > 0, `${longestMs}`)
  })

  it('of garbage are the pauses of the slots, steps of marking too', () => {
    const trace = (isolate: string, text: string) => `[31:0x${isolate}]   77 ms: ${text}`
    const scavenge = 'Scavenge 9.0 (10.1) -> 8.6 (11.1) MB, pooled: 0 MB, 1.10 / 0.00 ms  (average mu = 1.000) x'
    const mark =
      'Mark-Compact 43.7 (62.5) -> 31.4 (65.3) MB, pooled: 0 MB, 11.83 / 0.00 ms  ' +
      '(+ 1.2 ms in 35 steps since start of marking, biggest step 12.5 ms, walltime since start of marking 34 ms) x'
    assert.deepEqual(
      pausesOfSlots([trace('a1', mark), trace('b2', scavenge), trace('b2', mark), trace('c3', scavenge)]),
      {
        scavenges: 2,
        scavengeMsMax: 1.1,
        markCompacts: 1,
        markCompactMsMax: 12.5,
        totalMs: 1.1 + 11.83 + 1.1,
      },
    )
    assert.throws(() => pausesOfSlots(['something else']), /Not a trace/)
  })
})

describe('runs in turn', () => {
  const [loop] = PEER_GROUPS.loop as [Peer]
  const workload = { kind: 'shape', name: 'chain' } as const
  const settings = { events: 100, parallelism: 1 }

  it('have a line for a side that fails, which is not run again', async () => {
    const broken: Peer = {
      ...loop,
      name: 'jet',
      command: () => ({ command: process.execPath, args: ['--no-such-flag'] }),
    }
    const lines: (Run | FailedRun)[] = []
    const sides = [loop, broken].map((peer) => ({ peer, workload, settings }))
    const [good, bad] = await runInTurn('curve-keys', sides, 2, (line) => lines.push(line))
    assert.deepEqual([good?.runs.length, good?.failure, bad?.runs.length], [2, undefined, 0])
    assert.match(bad?.failure ?? '', /^jet chain: .* ended with 9/)
    assert.deepEqual(
      lines.map((line) => [line.peer, line.suite, 'failure' in line]),
      [
        ['loop', 'curve-keys', false],
        ['jet', 'curve-keys', true],
        ['loop', 'curve-keys', false],
      ],
    )
    const hasTimes = cpus().some(({ times }) => times.user > 0)
    assert.equal(typeof good?.runs[0]?.othersCores, hasTimes ? 'number' : 'undefined')
  })

  it('differ when their results do that must be equal: at every parallelism, with and without checkpoints', () => {
    const run = (more: Partial<Run>): Run => ({ ...runOf(1, 1), shape: 'chain', digest: 'a', ...more })
    const differences = (...more: Partial<Run>[]) => differencesOf(more.map(run))
    assert.deepEqual(differences({}, { parallelism: 2 }, { peer: 'flink', parallelism: 4 }), [])
    assert.deepEqual(differences({}, { parallelism: 2, digest: 'b' }), [
      'chain, 1 events: results differ: millrace 1 a; millrace in 2 slots 1 b',
    ])
    assert.match(differences({ parallelism: 2 }, { parallelism: 2, peer: 'flink', digest: 'b' })[0] ?? '', /flink in 2/)
    assert.equal(differences({ checkpointIntervalMs: 0 }, { checkpointIntervalMs: 9, digest: 'b' }).length, 1)
    assert.deepEqual(differences({}, { events: 2, digest: 'b' }), [], 'other records')
    // A running sum has one answer in one slot only, but always as many rows.
    const sum = { shape: 'running-sum' }
    assert.deepEqual(differences(sum, { ...sum, parallelism: 2, digest: 'b' }), [])
    assert.equal(differences(sum, { ...sum, parallelism: 2, outputs: 9 }).length, 1)
    assert.equal(differences(sum, { ...sum, digest: 'b' }, { ...sum, parallelism: 2 }).length, 1)
  })
})

/** With a start of one second. */
function runOf(cpuSeconds: number, wallSeconds: number, checkpoints = 1): Run {
  return {
    peer: 'millrace',
    parallelism: 1,
    events: 1,
    generatorOnly: false,
    cpuSeconds,
    setupCpuSeconds: 1,
    wallSeconds,
    setupWallSeconds: 1,
    peakMemoryBytes: 1,
    outputs: 1,
    digest: '',
    checkpoints,
  }
}
