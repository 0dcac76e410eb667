/** The part of the page with what Millrace was measured for against itself: checkpoints, slots, pauses, state. */
import type { FailedRun, Run } from '../comparison.ts'
import {
  CHECKPOINT_COST_MAX,
  CHECKPOINT_SUITE,
  checkpointVerdict,
  costOfCheckpoints,
  costText,
} from '../costs/checkpoints.ts'
import { type FailedPauses, PAUSE_MS_MAX, type PauseRun } from '../costs/pauses.ts'
import { busyText, SCALING_GOALS, SCALING_SUITE, scalingOf } from '../costs/scaling.ts'
import { type FailedStateCost, renderStateCost, type StateCost } from '../costs/state-cost.ts'
import { differencesOf, workloadOf } from '../runs-in-turn.ts'
import { count, emphasised, failureText, percent, provenance, table, verdict } from './markdown.ts'
import { measurementsOf } from './measurement.ts'
import type { Session } from './parse-lines.ts'

/** Undefined when no session measured a cost. */
export function renderCostsPart(sessions: readonly Session[]): string | undefined {
  const parts = measurementsOf(sessions).flatMap((measurement) => {
    const runs = measurement.sessions.flatMap((session) => session.runs)
    const failed = measurement.sessions.flatMap(({ failedRuns }) => failedRuns)
    const pauses = measurement.sessions.flatMap((session) => session.pauses)
    const failedPauses = measurement.sessions.flatMap((session) => session.failedPauses)
    const stateCosts = measurement.sessions.flatMap((session) => session.stateCosts)
    const failedStateCosts = measurement.sessions.flatMap((session) => session.failedStateCosts)
    const own = [
      renderCheckpoints(runs, failed),
      renderScaling(runs, failed),
      renderPauses(pauses, failedPauses),
      renderStateCosts(stateCosts, failedStateCosts),
    ].filter((one) => one !== undefined)
    return own.length === 0 ? [] : [[provenance(measurement), ...own].join('\n\n')]
  })
  return parts.length === 0 ? undefined : parts.join('\n\n')
}

function renderCheckpoints(runs: readonly Run[], failed: readonly FailedRun[]): string | undefined {
  const rows = pairsOf(runs, CHECKPOINT_SUITE, ({ checkpointIntervalMs }) => checkpointIntervalMs === 0).map(
    ([shape, without, withThem]) => {
      const cost = costOfCheckpoints(without, withThem)
      const events = count(without[0]?.events ?? 0)
      const verdict = emphasised(checkpointVerdict(cost))
      return [shape, events, `${without.length}`, costText(cost), percent(cost.wall), `${cost.checkpoints}`, verdict]
    },
  )
  return withFailures(
    `Checkpoints every 10 s, against none; goal below ${percent(CHECKPOINT_COST_MAX)} of CPU:`,
    ['', 'events', 'pairs', 'CPU', 'wall time', 'checkpoints', 'verdict'],
    rows,
    failuresOf(runs, failed, CHECKPOINT_SUITE),
  )
}

function renderScaling(runs: readonly Run[], failed: readonly FailedRun[]): string | undefined {
  const rows = pairsOf(runs, SCALING_SUITE, ({ parallelism }) => parallelism === 1).map(([shape, one, two]) => {
    const scaling = scalingOf(one, two)
    const goal = SCALING_GOALS[shape] ?? Number.NaN
    const busy = busyText(scaling)
    return [
      shape,
      count(one[0]?.events ?? 0),
      `${scaling.freePairs} of ${scaling.pairs}`,
      ...(busy === undefined
        ? [`${scaling.speedUp.toFixed(2)} ×`, `${scaling.cpu.toFixed(2)} ×`, percent(scaling.share)]
        : ['–', '–', '–']),
      `at least ${goal} ×`,
      busy ?? verdict(scaling.speedUp >= goal),
    ]
  })
  return withFailures(
    'Two slots against one, of the pairs of runs that had two free cores:',
    ['', 'events', 'pairs', 'work in a second', 'CPU for a record', 'of it for being two', 'goal', 'verdict'],
    rows,
    failuresOf(runs, failed, SCALING_SUITE),
  )
}

function failuresOf(runs: readonly Run[], failed: readonly FailedRun[], suite: string): readonly string[] {
  return [
    ...failed
      .filter((run) => run.suite === suite)
      .map((run) => `${run.shape} at parallelism ${run.parallelism}: ${run.failure}`),
    ...differencesOf(runs.filter((run) => run.suite === suite)),
  ]
}

/** Undefined when there is nothing of it. */
function withFailures(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  failures: readonly string[],
): string | undefined {
  if (rows.length + failures.length === 0) return undefined
  return [
    title,
    ...(rows.length === 0 ? [] : [table(head, rows)]),
    ...failures.map((failure) => `**FAILS**: ${failureText(failure)}`),
  ].join('\n\n')
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

function renderPauses(pauses: readonly PauseRun[], failed: readonly FailedPauses[]): string | undefined {
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
  return withFailures(
    `Pauses for garbage collection, in ms, a row for each run; goal at most ${PAUSE_MS_MAX} ms:`,
    ['', 'events', 'keys', 'longest', 'scavenges', 'mark-compacts', 'all of the run', 'verdict'],
    rows,
    failed.map((run) => `${run.pauses}: ${run.failure}`),
  )
}

function renderStateCosts(costs: readonly StateCost[], failed: readonly FailedStateCost[]): string | undefined {
  if (costs.length + failed.length === 0) return undefined
  const items = [
    ...costs.map((cost) => `- **${cost.cost}**, ${sizeOf(cost)}: ${renderStateCost(cost)}`),
    ...failed.map(({ cost, failure }) => `- **${cost} FAILS**: ${failureText(failure)}`),
  ]
  return `State and checkpoint folder, an item for each run:\n\n${items.join('\n')}`
}

function sizeOf(cost: StateCost): string {
  return 'keys' in cost ? `${count(cost.keys)} keys` : `${count(cost.checkpoints)} checkpoints`
}
