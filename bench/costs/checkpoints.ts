/** What checkpoints every 10 s cost: the same runs with and without, in turn. */
import { type FailedRun, failedRunOf, messageOf, type Run } from '../comparison.ts'
import { type Measured, measure } from '../measured-process.ts'
import { MILLRACE, type Peer } from '../peer.ts'
import { differencesOf, runInTurn, runningCpuSeconds, runningWallSeconds } from '../runs-in-turn.ts'
import { halfRange, median } from '../statistics.ts'
import type { Workload } from '../workload.ts'

export const CHECKPOINT_SUITE = 'checkpoints'
export const CHECKPOINT_COST_MAX = 0.05
const INTERVAL_MS = 10_000
const SHAPES = ['chain', 'keyed-tumbling', 'running-sum']
const PROBE_EVENTS = 2_000_000
/** A shorter run says more of the compiler than of the rate. */
const PROBE_SECONDS_MIN = 3

export interface CheckpointCost {
  /** By which share a run with checkpoints costs more, and half the range of it over the pairs. */
  readonly cpu: number
  readonly cpuHalfRange: number
  readonly wall: number
  /** Of a run with them, without the final one. */
  readonly checkpoints: number
  readonly pairs: number
}

/** Runs take about `seconds` each: what is shorter than 10 s has no checkpoint. False when a run failed or results differ. `peer` is for tests; `keys`: default those of the shapes. */
export async function measureCheckpointCost(
  seconds: number,
  rounds: number,
  onRun: (run: Run | FailedRun) => void,
  peer: Peer = MILLRACE,
  keys?: number,
): Promise<boolean> {
  console.log(
    `\ncost of checkpoints every ${INTERVAL_MS / 1_000} s, runs of about ${seconds} s${keys === undefined ? '' : `, ${keys} keys`}`,
  )
  let isFine = true
  for (const name of SHAPES) {
    const failures = await measureShape(peer, { kind: 'shape', name }, { seconds, rounds, keys }, onRun)
    for (const failure of failures) {
      isFine = false
      console.log(`  FAILS: ${failure}`)
    }
  }
  return isFine
}

/** Gives what went wrong. */
async function measureShape(
  peer: Peer,
  workload: Workload,
  { seconds, rounds, keys }: { readonly seconds: number; readonly rounds: number; readonly keys: number | undefined },
  onRun: (run: Run | FailedRun) => void,
): Promise<readonly string[]> {
  let perSecond: number
  try {
    perSecond = await probe(peer, workload, keys)
  } catch (error) {
    const settings = { events: PROBE_EVENTS, parallelism: 1, keys }
    onRun(failedRunOf(error, peer, workload, settings, { generatorOnly: false, suite: CHECKPOINT_SUITE }))
    return [`${workload.name}: ${messageOf(error)}`]
  }
  const settings = { events: Math.round(perSecond * seconds), parallelism: 1, keys }
  const sides = [0, INTERVAL_MS].map((checkpointIntervalMs) => ({
    peer,
    workload,
    settings: { ...settings, checkpointIntervalMs },
  }))
  const results = await runInTurn(CHECKPOINT_SUITE, sides, rounds, onRun)
  const [without = [], withThem = []] = results.map(({ runs }) => runs)
  if (without.length > 0 && withThem.length > 0) {
    const cost = costOfCheckpoints(without, withThem)
    console.log(
      `  ${workload.name.padEnd(16)} ${(settings.events / 1e6).toFixed(1)} M records: ${costText(cost)} of CPU, ` +
        `${percent(cost.wall)} of wall time, ${cost.checkpoints} checkpoints; ` +
        `goal below ${percent(CHECKPOINT_COST_MAX)}: ${checkpointVerdict(cost)}`,
    )
  }
  return [...results.flatMap(({ failure }) => failure ?? []), ...differencesOf(results.flatMap(({ runs }) => runs))]
}

/** Records per second of wall time. */
async function probe(peer: Peer, workload: Workload, keys: number | undefined): Promise<number> {
  let events = PROBE_EVENTS
  const run = (): Promise<Measured> => measure(peer.command(workload, { events, parallelism: 1, keys }))
  let wallSeconds = runningWallSeconds(await run())
  if (wallSeconds < PROBE_SECONDS_MIN) {
    events = Math.round((events * PROBE_SECONDS_MIN) / wallSeconds)
    wallSeconds = runningWallSeconds(await run())
  }
  return events / wallSeconds
}

/** Medians over pairs of runs. */
export function costOfCheckpoints(without: readonly Run[], withThem: readonly Run[]): CheckpointCost {
  const more = (costOf: (run: Run) => number): readonly number[] =>
    withThem.flatMap((run, round) => {
      const other = without[round]
      return other === undefined ? [] : [costOf(run) / costOf(other) - 1]
    })
  const cpu = more(runningCpuSeconds)
  return {
    cpu: median(cpu),
    cpuHalfRange: halfRange(cpu),
    wall: median(more(runningWallSeconds)),
    checkpoints: median(withThem.map(({ checkpoints = 1 }) => checkpoints - 1)),
    pairs: cpu.length,
  }
}

/** No verdict without a checkpoint, of one pair, or where pairs differ more from each other than the figure from its goal. */
export function checkpointVerdict({ cpu, cpuHalfRange, checkpoints, pairs }: CheckpointCost): string {
  if (checkpoints < 1 || pairs < 2) return 'too short to say'
  if (Math.abs(cpu - CHECKPOINT_COST_MAX) < cpuHalfRange) return 'too close to say'
  return cpu < CHECKPOINT_COST_MAX ? 'reached' : 'NOT reached'
}

export function costText({ cpu, cpuHalfRange }: CheckpointCost): string {
  return `${percent(cpu)} ± ${percent(cpuHalfRange)}`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
