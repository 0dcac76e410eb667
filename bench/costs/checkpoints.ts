/** What checkpoints every 10 s cost: the same runs with and without, in turn. */
import type { Run } from '../comparison.ts'
import { measure } from '../measured-process.ts'
import { MILLRACE } from '../peer.ts'
import { runInTurn, runningCpuSeconds, runningWallSeconds } from '../runs-in-turn.ts'
import { median } from '../statistics.ts'
import type { Workload } from '../workload.ts'

export const CHECKPOINT_SUITE = 'checkpoints'
export const CHECKPOINT_COST_MAX = 0.05
const SHAPES = ['chain', 'keyed-tumbling', 'running-sum']
const PROBE_EVENTS = 2_000_000

/** Runs take about `seconds` each: what is shorter than 10 s has no checkpoint. */
export async function measureCheckpointCost(
  seconds: number,
  rounds: number,
  onRun: (run: Run) => void,
): Promise<boolean> {
  console.log(`\ncost of checkpoints every 10 s, runs of about ${seconds} s`)
  let isFine = true
  for (const name of SHAPES) {
    const workload: Workload = { kind: 'shape', name }
    const probe = await measure(MILLRACE.command(workload, { events: PROBE_EVENTS, parallelism: 1 }))
    const perSecond = PROBE_EVENTS / (probe.wallSeconds - (probe.setupWallSeconds ?? 0))
    const settings = { events: Math.round(perSecond * seconds), parallelism: 1 }
    const [without, withThem] = await runInTurn(
      CHECKPOINT_SUITE,
      [
        { peer: MILLRACE, workload, settings: { ...settings, checkpointIntervalMs: 0 } },
        { peer: MILLRACE, workload, settings: { ...settings, checkpointIntervalMs: 10_000 } },
      ],
      rounds,
      onRun,
    )
    for (const side of [without, withThem]) {
      if (side?.failure === undefined) continue
      isFine = false
      console.log(`  FAILS: ${side.failure}`)
    }
    const { cpu, wall, checkpoints } = costOfCheckpoints(without?.runs ?? [], withThem?.runs ?? [])
    console.log(
      `  ${name.padEnd(16)} ${(settings.events / 1e6).toFixed(1)} M records: ${percent(cpu)} of CPU, ${percent(wall)} of wall time, ` +
        `${checkpoints} checkpoints; goal below ${percent(CHECKPOINT_COST_MAX)}: ${cpu < CHECKPOINT_COST_MAX ? 'reached' : 'NOT reached'}`,
    )
  }
  return isFine
}

/** Medians over pairs of runs: by which share the one with checkpoints costs more. `checkpoints`: of such a run, without the final one. */
export function costOfCheckpoints(
  without: readonly Run[],
  withThem: readonly Run[],
): { readonly cpu: number; readonly wall: number; readonly checkpoints: number } {
  const more = (costOf: (run: Run) => number): number =>
    median(withThem.map((run, round) => costOf(run) / costOf(without[round] as Run) - 1))
  return {
    cpu: more(runningCpuSeconds),
    wall: more(runningWallSeconds),
    checkpoints: median(withThem.map(({ checkpoints = 1 }) => checkpoints - 1)),
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
