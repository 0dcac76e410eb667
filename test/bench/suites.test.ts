import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseBenchArguments, UsageError } from '../../bench/bench-arguments.ts'
import type { Run } from '../../bench/comparison.ts'
import { costOfCheckpoints } from '../../bench/costs/checkpoints.ts'
import { pausesOfSlots } from '../../bench/costs/pauses.ts'
import { scalingOf } from '../../bench/costs/scaling.ts'
import { pointsOf } from '../../bench/curves/curve.ts'

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
  it('have enough records for their keys, and not more windows than an engine without slices can do', () => {
    for (const { settings } of pointsOf('keys', 1_000)) assert.ok(settings.events >= 2 * (settings.keys ?? 0))
    for (const { settings } of pointsOf('windows', 200_000)) {
      const windows = (settings.sizeMs as number) / (settings.slideMs as number)
      assert.ok(settings.events >= 2_000 && settings.events * windows <= 3_600 * 2_000)
    }
  })
})

describe('the costs', () => {
  it('of checkpoints are of pairs of runs without their start', () => {
    const cost = costOfCheckpoints([runOf(11, 11), runOf(21, 21)], [runOf(12, 11, 3), runOf(23, 31, 3)])
    assert.deepEqual([cost.cpu.toFixed(3), cost.wall.toFixed(3), cost.checkpoints], ['0.100', '0.250', 2])
  })

  it('of two slots are what one does not need', () => {
    assert.deepEqual(scalingOf([runOf(11, 11)], [runOf(21, 6)]), { speedUp: 2, cpu: 2, share: 0.5 })
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
