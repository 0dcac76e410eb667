/** How much more two slots do than one: the same records at parallelism 1 and 2, in turn. */
import type { Run } from '../comparison.ts'
import { MILLRACE } from '../peer.ts'
import { runInTurn, runningCpuSeconds, runningWallSeconds } from '../runs-in-turn.ts'
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

export async function measureScaling(events: number, rounds: number, onRun: (run: Run) => void): Promise<boolean> {
  console.log(`\ntwo slots against one, ${(events / 1e6).toFixed(1)} M records; needs two free cores`)
  let isFine = true
  for (const [name, goal] of Object.entries(SCALING_GOALS)) {
    const workload: Workload = { kind: 'shape', name }
    const sides = [1, 2].map((parallelism) => ({ peer: MILLRACE, workload, settings: { events, parallelism } }))
    const [one, two] = await runInTurn(SCALING_SUITE, sides, rounds, onRun)
    for (const side of [one, two]) {
      if (side?.failure === undefined) continue
      isFine = false
      console.log(`  FAILS: ${side.failure}`)
    }
    const { speedUp, cpu, share } = scalingOf(one?.runs ?? [], two?.runs ?? [])
    console.log(
      `  ${name.padEnd(16)} ${speedUp.toFixed(2)} × the work in a second, ${cpu.toFixed(2)} × the CPU for a record ` +
        `(${(share * 100).toFixed(0)} % of it for being two); goal ${goal} ×: ${speedUp >= goal ? 'reached' : 'NOT reached'}`,
    )
  }
  return isFine
}

/**
 * Medians over pairs of runs. `share`: of the CPU time of two slots, what one slot does not need: where there is an
 * exchange, that is encoding, rings and decoding, beside the second slot's compiler and garbage.
 */
export function scalingOf(
  one: readonly Run[],
  two: readonly Run[],
): { readonly speedUp: number; readonly cpu: number; readonly share: number } {
  const ratio = (costOf: (run: Run) => number): number =>
    median(two.map((run, round) => costOf(run) / costOf(one[round] as Run)))
  const cpu = ratio(runningCpuSeconds)
  return { speedUp: 1 / ratio(runningWallSeconds), cpu, share: 1 - 1 / cpu }
}
