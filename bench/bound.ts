/** Bounds that Millrace is held against on its own: `npm run bench -- --bounds`. */

import { PAYLOAD_UNITS } from './jobs/large-input-records.ts'
import { type Command, type Measured, measure, nodeCommand } from './measured-process.ts'

export interface BoundSettings {
  readonly rounds: number
  /** Records of the comparisons of speed; `undefined`: what each takes by itself. */
  readonly events: number | undefined
  readonly gigabytes: number
  /** How long the slow sink is run. */
  readonly seconds: number
}

interface Side {
  readonly name: string
  readonly command: Command
}

export interface Bound {
  readonly name: string
  /** Runs that are compared, in turns; the first is the engine's. */
  readonly sides: readonly Side[]
  readonly rounds: number
  readonly events: number
  /** Whether the sides give the same results; not where the run is cut off. */
  readonly isComparable: boolean
  /** The figure that counts, of the sides' median runs, and whether it is within its bound. */
  judge(medians: readonly Measured[]): Verdict
}

interface Verdict {
  readonly figure: string
  readonly bound: string
  readonly holds: boolean
}

export const BOUND_NAMES = ['chain', 'keyed-count', 'large-input', 'slow-sink'] as const

const CHAIN_RATIO_MAX = 2
const RECORDS_PER_CPU_SECOND_MIN = 1.5e6
const RSS_MB_MAX = 512
const RING_BYTES = 256 * 1_024
/** Between two subtasks of two vertices each twice, and from two to one: the rings, and the channels within a slot. */
const SLOW_SINK_CHANNELS = 6
const MEBIBYTE = 1_048_576

export function boundsOf(settings: BoundSettings): readonly Bound[] {
  return [chain(settings), keyedCount(settings), largeInput(settings), slowSink(settings)]
}

function chain({ rounds, events = 50_000_000 }: BoundSettings): Bound {
  return {
    name: 'chain',
    sides: [job('shapes/jobs/chain', [`events=${events}`]), loop('chain', [`events=${events}`])],
    rounds,
    events,
    isComparable: true,
    judge([engine, byHand]) {
      const ratio = cpuOf(engine) / cpuOf(byHand)
      return {
        figure: `${ratio.toFixed(2)} × the CPU of the loop`,
        bound: `at most ${CHAIN_RATIO_MAX} ×`,
        holds: ratio <= CHAIN_RATIO_MAX,
      }
    },
  }
}

function keyedCount({ rounds, events = 20_000_000 }: BoundSettings): Bound {
  return {
    name: 'keyed-count',
    sides: [
      job('jobs/keyed-count', [`events=${events}`, 'parallelism.default=2']),
      { name: 'loop', command: nodeCommand('./jobs/keyed-count-loop.ts', [`${events}`]) },
    ],
    rounds,
    events,
    isComparable: true,
    judge([engine]) {
      const perSecond = events / cpuOf(engine)
      return {
        figure: `${(perSecond / 1e6).toFixed(2)} M records per CPU second`,
        bound: `at least ${RECORDS_PER_CPU_SECOND_MIN / 1e6} M`,
        holds: perSecond >= RECORDS_PER_CPU_SECOND_MIN,
      }
    },
  }
}

function largeInput({ gigabytes }: BoundSettings): Bound {
  const events = Math.round((gigabytes * 1e9) / PAYLOAD_UNITS)
  return {
    name: 'large-input',
    sides: [
      job('jobs/large-input', [`events=${events}`, 'parallelism.default=2']),
      { name: 'loop', command: nodeCommand('./jobs/large-input-loop.ts', [`${events}`]) },
    ],
    rounds: 1,
    events,
    isComparable: true,
    judge([engine]) {
      const rssMaxMb = memoryMbOf(engine)
      return {
        figure: `${gigabytes} GB of input in ${rssMaxMb.toFixed(0)} MB`,
        bound: `below ${RSS_MB_MAX} MB`,
        holds: rssMaxMb < RSS_MB_MAX,
      }
    },
  }
}

function slowSink({ seconds }: BoundSettings): Bound {
  const budgetBytes = SLOW_SINK_CHANNELS * RING_BYTES
  return {
    name: 'slow-sink',
    sides: [
      job('jobs/slow-sink', [
        `seconds=${seconds}`,
        'parallelism.default=2',
        `taskmanager.memory.max-segment-size=${RING_BYTES}`,
        `millrace.channel.local-size=${RING_BYTES}`,
      ]),
    ],
    rounds: 1,
    events: 0,
    isComparable: false,
    judge([engine]) {
      const { queuedBytesMax = Number.NaN, outputs = 0 } = engine ?? {}
      const rssMaxMb = memoryMbOf(engine)
      return {
        figure:
          `${(queuedBytesMax / MEBIBYTE).toFixed(2)} MiB queued, ${rssMaxMb.toFixed(0)} MB, ` +
          `${(outputs / seconds).toFixed(1)} records/s`,
        bound: `at most ${budgetBytes / MEBIBYTE} MiB, below ${RSS_MB_MAX} MB`,
        holds: queuedBytesMax <= budgetBytes && rssMaxMb < RSS_MB_MAX && outputs > 0,
      }
    },
  }
}

function job(file: string, args: readonly string[]): Side {
  return { name: 'millrace', command: nodeCommand('./run-job.ts', [`./${file}.ts`, ...args]) }
}

function loop(shape: string, args: readonly string[]): Side {
  return { name: 'loop', command: nodeCommand('./peers/loop/run-loop.ts', ['loop', shape, ...args]) }
}

/** Runs the sides in turn, shows them, and says whether the bound holds and the results are equal. */
export async function checkBound(bound: Bound): Promise<boolean> {
  const runs = bound.sides.map((): Measured[] => [])
  for (let round = 0; round < bound.rounds; round++) {
    for (const [index, { command }] of bound.sides.entries()) runs[index]?.push(await measure(command))
  }
  const medians = runs.map(medianByCpu)
  const verdict = bound.judge(medians)
  const results = new Set(runs.flat().map(({ outputs, digest }) => `${outputs} ${digest}`))
  const isEqual = !bound.isComparable || results.size === 1
  show(bound, runs, medians, verdict)
  if (!isEqual) console.log('  FAILS: the sides give different results')
  return verdict.holds && isEqual
}

function show(
  { name, sides, events }: Bound,
  runs: readonly Measured[][],
  medians: readonly Measured[],
  verdict: Verdict,
): void {
  console.log(`\nbound ${name}${events === 0 ? '' : `, ${(events / 1e6).toFixed(1)} M records`}`)
  console.log('  side      CPU s (median)   runs                      M records/CPU s  peak MB   wall s')
  for (const [index, side] of sides.entries()) {
    const median = medians[index] as Measured
    const all = (runs[index] ?? []).map((one) => one.cpuSeconds.toFixed(2)).join(' ')
    const rate = events === 0 ? '–' : (events / median.cpuSeconds / 1e6).toFixed(2)
    console.log(
      `  ${side.name.padEnd(8)}${median.cpuSeconds.toFixed(2).padStart(16)}   ${all.padEnd(25)} ${rate.padStart(16)} ` +
        `${memoryMbOf(median).toFixed(0).padStart(8)} ${median.wallSeconds.toFixed(1).padStart(8)}`,
    )
  }
  console.log(`  ${verdict.holds ? 'holds' : 'FAILS'}: ${verdict.figure} (${verdict.bound})`)
}

function medianByCpu(side: readonly Measured[]): Measured {
  const sorted = side.toSorted((a, b) => a.cpuSeconds - b.cpuSeconds)
  return sorted[(sorted.length - 1) >> 1] as Measured
}

function memoryMbOf(measured: Measured | undefined): number {
  return (measured?.peakMemoryBytes ?? Number.NaN) / MEBIBYTE
}

function cpuOf(measured: Measured | undefined): number {
  return measured?.cpuSeconds ?? Number.NaN
}
