/**
 * What keeping state costs, as figures of the engine by itself: `restore` (how fast a job comes back), `incremental` (what a
 * checkpoint costs of which little has changed), `churn` (what a checkpoint folder holds after many), `snapshots` (how long
 * records wait while checkpoints of much state are taken), `memory` (what the segment store keeps there for each key) and `unaligned` (how long a checkpoint takes under back
 * pressure). Each is measured in a process of its own, `run-state.ts`, which prints one of these lines.
 */
import { messageOf } from '../comparison.ts'
import { measureAs, nodeCommand } from '../measured-process.ts'
import type { StoreMemory } from './store-memory.ts'

export const STATE_COSTS = ['restore', 'incremental', 'churn', 'snapshots', 'memory', 'unaligned'] as const
export type StateCostName = (typeof STATE_COSTS)[number]

interface StateCostBase {
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly peakMemoryBytes: number | null
}

/** A job with one value for each key is started from its newest checkpoint. */
export interface RestoreCost extends StateCostBase {
  readonly cost: 'restore'
  readonly keys: number
  readonly parallelism: number
  readonly stateBytes: number
  /** From the start to the first record, of the whole process. */
  readonly restoreCpuSeconds: number
  readonly restoreWallMs: number
  readonly deployMs: number
  readonly readMs: number
  readonly decodeMs: number
}

/** A full checkpoint and those after it of which one key in a hundred has changed; medians. */
export interface IncrementalCost extends StateCostBase {
  readonly cost: 'incremental'
  readonly keys: number
  readonly fullBytes: number
  readonly fullMs: number
  readonly incrementalBytes: number
  readonly incrementalMs: number
}

/** The folder after many checkpoints of a job whose keys come and go. */
export interface ChurnCost extends StateCostBase {
  readonly cost: 'churn'
  readonly checkpoints: number
  readonly heldBytes: number
  readonly liveBytes: number
  readonly files: number
  /** Segment files that no checkpoint names. */
  readonly deadFiles: number
  /** To look at the folder as a start does, after a hundred checkpoints and after all; medians. */
  readonly startMsEarly: number
  readonly startMsLate: number
}

/** Latency of a sum for each key at a rate that fills the state first, with a checkpoint every 10 s and without. */
export interface SnapshotsCost extends StateCostBase {
  readonly cost: 'snapshots'
  readonly keys: number
  readonly perSecond: number
  /** While latency was taken and before. */
  readonly checkpoints: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly p99MsWithout: number
  readonly maxMsWithout: number
}

/** Checkpoints under back pressure, with aligned barriers and with ones that overtake; medians. */
export interface UnalignedCost extends StateCostBase {
  readonly cost: 'unaligned'
  readonly parallelism: number
  readonly checkpoints: number
  readonly alignedMs: number
  readonly unalignedMs: number
  /** Stored with an unaligned one. */
  readonly inFlightBytes: number
}

/** Bytes that the segment store has in memory for each key, beside its cache. */
export interface MemoryCost extends StateCostBase, StoreMemory {
  readonly cost: 'memory'
  readonly keys: number
}

export type StateCost = RestoreCost | IncrementalCost | ChurnCost | SnapshotsCost | MemoryCost | UnalignedCost

export interface FailedStateCost {
  readonly cost: StateCostName
  readonly failure: string
}

export interface StateCostSettings {
  readonly keys: number
  readonly parallelism: number
  readonly checkpoints: number
  /** Of `snapshots`, behind the time that fills the state. */
  readonly seconds: number
}

/** What is aimed at: docs/decisions/0056-checkpoint-storage-and-return.md. */
export const RESTORED_KEYS_PER_SECOND_MIN = 500_000
export const INCREMENTAL_SHARE_MAX = 0.03
export const HELD_TO_LIVE_MAX = 2
export const SNAPSHOT_P99_MS_MAX = 200

/** False when a run failed; a goal that is not reached is only shown. */
export async function measureStateCost(
  name: StateCostName,
  { keys, parallelism, checkpoints, seconds }: StateCostSettings,
  rounds: number,
  onRun: (run: StateCost | FailedStateCost) => void,
): Promise<boolean> {
  let isFine = true
  console.log(
    `\n${name}${name === 'churn' ? `: ${checkpoints} checkpoints` : name === 'unaligned' ? '' : `: ${(keys / 1e6).toFixed(1)} M keys`}`,
  )
  for (let round = 0; round < rounds; round++) {
    try {
      const args = [name, `${keys}`, `${parallelism}`, `${checkpoints}`, `${seconds}`]
      const run = await measureAs<StateCost>(nodeCommand('./costs/run-state.ts', args))
      onRun(run)
      console.log(`  ${renderStateCost(run)}`)
    } catch (error) {
      const failed = { cost: name, failure: messageOf(error) }
      onRun(failed)
      console.log(`  FAILS: ${failed.failure}`)
      isFine = false
    }
  }
  return isFine
}

export function renderStateCost(run: StateCost): string {
  switch (run.cost) {
    case 'restore': {
      const perSecond = (run.keys / (run.readMs + run.decodeMs) / run.parallelism) * 1_000
      return (
        `${megabytes(run.stateBytes)} back in ${run.restoreWallMs.toFixed(0)} ms (deploying ${run.deployMs.toFixed(0)}, reading ` +
        `${run.readMs.toFixed(0)}, decoding ${run.decodeMs.toFixed(0)}), ${run.restoreCpuSeconds.toFixed(2)} CPU seconds with the start of ` +
        `the threads; ${(perSecond / 1e3).toFixed(0)} k keys per second and core; ` +
        `goal at least ${RESTORED_KEYS_PER_SECOND_MIN / 1e3} k: ${verdict(perSecond >= RESTORED_KEYS_PER_SECOND_MIN)}`
      )
    }
    case 'incremental': {
      const bytes = run.incrementalBytes / run.fullBytes
      const time = run.incrementalMs / run.fullMs
      return (
        `full ${megabytes(run.fullBytes)} in ${run.fullMs.toFixed(0)} ms, with 1 % changed ${megabytes(run.incrementalBytes)} in ` +
        `${run.incrementalMs.toFixed(0)} ms: ${percent(bytes)} of the bytes, ${percent(time)} of the time; ` +
        `goal at most ${percent(INCREMENTAL_SHARE_MAX)}: ${verdict(Math.max(bytes, time) <= INCREMENTAL_SHARE_MAX)}`
      )
    }
    case 'churn': {
      const isKept = run.heldBytes <= run.liveBytes * HELD_TO_LIVE_MAX && run.deadFiles === 0
      return (
        `${run.files} files with ${megabytes(run.heldBytes)}, of which ${megabytes(run.liveBytes)} are live, ${run.deadFiles} dead files; ` +
        `a start looks for ${run.startMsEarly.toFixed(1)} ms after 100 checkpoints, ${run.startMsLate.toFixed(1)} ms after all; ` +
        `goal at most ${HELD_TO_LIVE_MAX}×, none dead: ${verdict(isKept)}`
      )
    }
    case 'snapshots':
      return (
        `${run.perSecond} records per second, ${run.checkpoints} checkpoints: p99 ${run.p99Ms.toFixed(1)} ms, p99.9 ` +
        `${run.p999Ms.toFixed(1)}, longest ${run.maxMs.toFixed(1)}; without p99 ${run.p99MsWithout.toFixed(1)}, longest ` +
        `${run.maxMsWithout.toFixed(1)}; goal p99 below ${SNAPSHOT_P99_MS_MAX} ms: ${verdict(run.p99Ms < SNAPSHOT_P99_MS_MAX)}`
      )
    case 'unaligned':
      return (
        `under back pressure ${run.alignedMs.toFixed(0)} ms with aligned barriers, ${run.unalignedMs.toFixed(0)} ms with barriers that ` +
        `overtake, which store ${megabytes(run.inFlightBytes)} in flight`
      )
    case 'memory':
      return (
        `the segment store has in memory, beside its cache, ${run.valueBytes.toFixed(1)} bytes for a key with one value, ` +
        `${run.mapBytes.toFixed(0)} for one with a map of one entry, ${run.windowBytes.toFixed(1)} for one with a value in one of 60 windows`
      )
  }
}

function verdict(isReached: boolean): string {
  return isReached ? 'reached' : 'NOT reached'
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
