/**
 * How much more two slots do than one: the same records at parallelism 1 and 2, in turn. It is the only figure in wall time, so it is
 * said only of pairs of runs that had two free cores.
 */
import type { FailedRun, Run } from '../comparison.ts'
import { measureFreeCores } from '../machine/free-cores.ts'
import { MILLRACE, type Peer } from '../peer.ts'
import { differencesOf, runInTurn, runningCpuSeconds, runningWallSeconds } from '../runs-in-turn.ts'
import { median } from '../statistics.ts'
import type { Workload } from '../workload.ts'

export const SCALING_SUITE = 'scaling'
/** Work of two slots against one. A count is combined before its exchange, a running sum cannot be. */
export const SCALING_GOALS: Readonly<Record<string, number>> = {
  chain: 1.8,
  exchange: 1.2,
  'keyed-tumbling': 1.8,
  'running-sum': 1.2,
}
const SLOTS = 2
/** What two threads that only count must get done against one just before a pair: more than the highest goal. */
const FREE_CORES_MIN = 1.9
/** What others may take meanwhile. */
const OTHERS_CORES_MAX = 0.15
/** Of its wall time a slot that always has records is at work, unless it waits for a core. */
const OWN_CORE_MIN = 0.9

export interface Scaling {
  readonly speedUp: number
  readonly cpu: number
  /** Of the CPU time of two slots, what one slot does not need: encoding, rings and decoding, the second slot's compiler and garbage. */
  readonly share: number
  /** Over all pairs, what made them count or not. */
  readonly pairs: number
  readonly freePairs: number
  readonly freeCores: number
  readonly othersCores: number
}

/** False when a run failed or results differ. `peer` and `freeCoresOf` are for tests. */
export async function measureScaling(
  events: number,
  rounds: number,
  onRun: (run: Run | FailedRun) => void,
  peer: Peer = MILLRACE,
  freeCoresOf: (threads: number) => Promise<number> = measureFreeCores,
): Promise<boolean> {
  console.log(`\ntwo slots against one, ${(events / 1e6).toFixed(1)} M records; needs two free cores`)
  let isFine = true
  for (const name of Object.keys(SCALING_GOALS)) {
    const workload: Workload = { kind: 'shape', name }
    const sides = [1, SLOTS].map((parallelism) => ({ peer, workload, settings: { events, parallelism } }))
    const [one, two]: [Run[], Run[]] = [[], []]
    const failures: string[] = []
    for (let round = 0; round < rounds && failures.length === 0; round++) {
      const freeCores = await freeCoresOf(SLOTS)
      const results = await runInTurn(SCALING_SUITE, sides, 1, (run) => onRun({ ...run, freeCores }))
      for (const { failure, runs, settings } of results) {
        if (failure !== undefined) failures.push(failure)
        const ofSide = settings.parallelism === 1 ? one : two
        ofSide.push(...runs.map((run) => ({ ...run, freeCores })))
      }
    }
    failures.push(...differencesOf([...one, ...two]))
    for (const failure of failures) {
      isFine = false
      console.log(`  FAILS: ${failure}`)
    }
    if (one.length > 0 && two.length > 0) console.log(`  ${name.padEnd(16)} ${scalingText(name, scalingOf(one, two))}`)
  }
  return isFine
}

/** Medians over those pairs of runs that had two free cores. */
export function scalingOf(one: readonly Run[], two: readonly Run[]): Scaling {
  const pairs = two.flatMap((run, round) => {
    const alone = one[round]
    return alone === undefined ? [] : [[alone, run] as const]
  })
  const free = pairs.filter(([alone, both]) => isFree(alone, both))
  const ratio = (costOf: (run: Run) => number): number =>
    median(free.map(([alone, both]) => costOf(both) / costOf(alone)))
  const cpu = ratio(runningCpuSeconds)
  return {
    speedUp: 1 / ratio(runningWallSeconds),
    cpu,
    share: 1 - 1 / cpu,
    pairs: pairs.length,
    freePairs: free.length,
    freeCores: median(pairs.map(([alone]) => alone.freeCores ?? Number.NaN)),
    othersCores: Math.max(0, ...pairs.flat().flatMap((run) => run.othersCores ?? [])),
  }
}

function isFree(alone: Run, both: Run): boolean {
  const { freeCores = 0 } = alone
  const hasOthers = [alone, both].some(({ othersCores = 0 }) => othersCores > OTHERS_CORES_MAX)
  const waited = runningCpuSeconds(alone) < OWN_CORE_MIN * runningWallSeconds(alone)
  return freeCores >= FREE_CORES_MIN && !hasOthers && !waited
}

/** Why there is no figure; undefined when there is one. */
export function busyText({ freePairs, pairs, freeCores, othersCores }: Scaling): string | undefined {
  if (freePairs > 0) return undefined
  return (
    `not said: no two free cores in any of ${pairs} pairs of runs (two threads that only count got ` +
    `${freeCores.toFixed(2)} × the work of one done, others took up to ${othersCores.toFixed(2)} cores)`
  )
}

function scalingText(shape: string, scaling: Scaling): string {
  const { speedUp, cpu, share, freePairs, pairs } = scaling
  const goal = SCALING_GOALS[shape] as number
  return (
    busyText(scaling) ??
    `${speedUp.toFixed(2)} × the work in a second, ${cpu.toFixed(2)} × the CPU for a record ` +
      `(${(share * 100).toFixed(0)} % of it for being two), ${freePairs} of ${pairs} pairs; ` +
      `goal ${goal} ×: ${speedUp >= goal ? 'reached' : 'NOT reached'}`
  )
}
