/** The part of the page with what Millrace was measured for against itself: checkpoints, slots, pauses. */
import type { Run } from '../comparison.ts'
import { CHECKPOINT_COST_MAX, CHECKPOINT_SUITE, costOfCheckpoints } from '../costs/checkpoints.ts'
import { PAUSE_MS_MAX, type PauseRun } from '../costs/pauses.ts'
import { SCALING_GOALS, SCALING_SUITE, scalingOf } from '../costs/scaling.ts'
import { count, percent, provenance, table, verdict } from './markdown.ts'
import type { Session } from './parse-lines.ts'
import { workloadOf } from './regroup-runs.ts'

/** Undefined when no session measured a cost. */
export function renderCostsPart(sessions: readonly Session[]): string | undefined {
  const parts = sessions.flatMap(({ about, runs, pauses }) => {
    const own = [renderCheckpoints(runs), renderScaling(runs), renderPauses(pauses)].filter((one) => one !== undefined)
    return own.length === 0 ? [] : [[provenance(about), ...own].join('\n\n')]
  })
  return parts.length === 0 ? undefined : parts.join('\n\n')
}

function renderCheckpoints(runs: readonly Run[]): string | undefined {
  const rows = pairsOf(runs, CHECKPOINT_SUITE, ({ checkpointIntervalMs }) => checkpointIntervalMs === 0).map(
    ([shape, without, withThem]) => {
      const { cpu, wall, checkpoints } = costOfCheckpoints(without, withThem)
      const events = count(without[0]?.events ?? 0)
      return [shape, events, percent(cpu), percent(wall), `${checkpoints}`, verdict(cpu < CHECKPOINT_COST_MAX)]
    },
  )
  if (rows.length === 0) return undefined
  return `Checkpoints every 10 s, against none; goal below ${percent(CHECKPOINT_COST_MAX)} of CPU:\n\n${table(
    ['', 'events', 'CPU', 'wall time', 'checkpoints', 'verdict'],
    rows,
  )}`
}

function renderScaling(runs: readonly Run[]): string | undefined {
  const rows = pairsOf(runs, SCALING_SUITE, ({ parallelism }) => parallelism === 1).map(([shape, one, two]) => {
    const { speedUp, cpu, share } = scalingOf(one, two)
    const goal = SCALING_GOALS[shape]
    const judged = goal === undefined ? ['', ''] : [`at least ${goal} ×`, verdict(speedUp >= goal)]
    return [
      shape,
      count(one[0]?.events ?? 0),
      `${speedUp.toFixed(2)} ×`,
      `${cpu.toFixed(2)} ×`,
      percent(share),
      ...judged,
    ]
  })
  if (rows.length === 0) return undefined
  return `Two slots against one, where two cores are free:\n\n${table(
    ['', 'events', 'work in a second', 'CPU for a record', 'of it for being two', 'goal', 'verdict'],
    rows,
  )}`
}

/** By shape, runs of the first and of the second kind, as many of each. A shape with runs of one kind only is left out. */
function pairsOf(
  runs: readonly Run[],
  suite: string,
  isFirst: (run: Run) => boolean,
): readonly (readonly [string, readonly Run[], readonly Run[]])[] {
  const own = runs.filter((run) => run.suite === suite)
  return [...Map.groupBy(own, (run) => workloadOf(run).name)].flatMap(([shape, both]) => {
    const [first, second] = [both.filter(isFirst), both.filter((run) => !isFirst(run))]
    const pairs = Math.min(first.length, second.length)
    return pairs === 0 ? [] : [[shape, first.slice(0, pairs), second.slice(0, pairs)] as const]
  })
}

function renderPauses(pauses: readonly PauseRun[]): string | undefined {
  if (pauses.length === 0) return undefined
  const rows = pauses.map((run) => {
    const longest = Math.max(run.scavengeMsMax, run.markCompactMsMax)
    return [
      run.pauses,
      count(run.events),
      count(run.keys),
      longest.toFixed(1),
      `${run.scavenges} up to ${run.scavengeMsMax.toFixed(1)}`,
      `${run.markCompacts} up to ${run.markCompactMsMax.toFixed(1)}`,
      `${run.totalMs.toFixed(0)} of ${(run.wallSeconds * 1_000).toFixed(0)}`,
      verdict(longest <= PAUSE_MS_MAX),
    ]
  })
  return `Pauses for garbage collection, in ms, a row for each run; goal at most ${PAUSE_MS_MAX} ms:\n\n${table(
    ['', 'events', 'keys', 'longest', 'scavenges', 'mark-compacts', 'all of the run', 'verdict'],
    rows,
  )}`
}
