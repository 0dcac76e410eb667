/** The comparisons that `npm run bench` makes, each with the bound that it is held against. */

import { PAYLOAD_UNITS } from './jobs/large-input-records.ts'
import type { Measured } from './measured-process.ts'

export interface BenchSettings {
  readonly rounds: number
  /** Records of the comparisons of speed; `undefined`: what each takes by itself. */
  readonly events: number | undefined
  readonly gigabytes: number
  /** How long the slow sink is run. */
  readonly seconds: number
}

export interface Side {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
}

export interface Benchmark {
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

export interface Verdict {
  readonly figure: string
  readonly bound: string
  readonly holds: boolean
}

const CHAIN_RATIO_MAX = 2
const RECORDS_PER_CPU_SECOND_MIN = 1.5e6
const RSS_MB_MAX = 512
const RING_BYTES = 256 * 1_024
/** Between two subtasks of two vertices each twice, and from two to one: the rings, and the channels within a slot. */
const SLOW_SINK_CHANNELS = 6
const MEBIBYTE = 1_048_576

export function benchmarksOf(settings: BenchSettings): readonly Benchmark[] {
  return [chain(settings), keyedCount(settings), largeInput(settings), slowSink(settings)]
}

function chain({ rounds, events = 50_000_000 }: BenchSettings): Benchmark {
  return {
    name: 'chain',
    sides: [job('chain', [`events=${events}`]), loop('chain', events)],
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

function keyedCount({ rounds, events = 20_000_000 }: BenchSettings): Benchmark {
  return {
    name: 'keyed-count',
    sides: [job('keyed-count', [`events=${events}`, 'parallelism.default=2']), loop('keyed-count', events)],
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

function largeInput({ gigabytes }: BenchSettings): Benchmark {
  const events = Math.round((gigabytes * 1e9) / PAYLOAD_UNITS)
  return {
    name: 'large-input',
    sides: [job('large-input', [`events=${events}`, 'parallelism.default=2']), loop('large-input', events)],
    rounds: 1,
    events,
    isComparable: true,
    judge([engine]) {
      const rssMaxMb = engine?.rssMaxMb ?? Number.NaN
      return {
        figure: `${gigabytes} GB of input in ${rssMaxMb.toFixed(0)} MB`,
        bound: `below ${RSS_MB_MAX} MB`,
        holds: rssMaxMb < RSS_MB_MAX,
      }
    },
  }
}

function slowSink({ seconds }: BenchSettings): Benchmark {
  const budgetBytes = SLOW_SINK_CHANNELS * RING_BYTES
  return {
    name: 'slow-sink',
    sides: [
      job('slow-sink', [
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
      const { queuedBytesMax = Number.NaN, rssMaxMb = Number.NaN, digest } = engine ?? {}
      return {
        figure:
          `${(queuedBytesMax / MEBIBYTE).toFixed(2)} MiB queued, ${rssMaxMb.toFixed(0)} MB, ` +
          `${((digest?.records ?? 0) / seconds).toFixed(1)} records/s`,
        bound: `at most ${budgetBytes / MEBIBYTE} MiB, below ${RSS_MB_MAX} MB`,
        holds: queuedBytesMax <= budgetBytes && rssMaxMb < RSS_MB_MAX && (digest?.records ?? 0) > 0,
      }
    },
  }
}

function job(name: string, args: readonly string[]): Side {
  return { name: 'engine', file: './run-job.ts', args: [name, ...args] }
}

function loop(name: string, events: number): Side {
  return { name: 'loop', file: `./loops/${name}.ts`, args: [`${events}`] }
}

function cpuOf(measured: Measured | undefined): number {
  return measured?.cpuSeconds ?? Number.NaN
}
