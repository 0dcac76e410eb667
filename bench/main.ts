/**
 * npm run bench -- [flags]: compares Millrace with its peers, and measures it by itself. README.md lists the flags.
 * Exit status 1 when results differ, a side fails or a bound does not hold; a goal that is not reached is only shown.
 */
import process from 'node:process'
import { type BenchArguments, parseBenchArguments, UsageError } from './bench-arguments.ts'
import { boundsOf, checkBound } from './bound.ts'
import { ComparisonRunner } from './comparison.ts'
import { measureCheckpointCost } from './costs/checkpoints.ts'
import { measurePauses } from './costs/pauses.ts'
import { measureScaling } from './costs/scaling.ts'
import { measureStateCost, STATE_COSTS, type StateCostSettings } from './costs/state-cost.ts'
import type { CurveName } from './curves/curve.ts'
import { measureCurve } from './curves/measure-curve.ts'
import { type Standing, standingsOf } from './goal.ts'
import type { LatencyRunSettings } from './latency/latency-run.ts'
import { measureLatency } from './latency/latency-suite.ts'
import { MILLRACE, missingFor, PEER_GROUPS, type Peer } from './peer.ts'
import { LEGEND, renderComparison, renderQueriesMean } from './report.ts'
import { aboutThisMachine, lineWriter, type OnLine } from './run-lines.ts'

/** Of the costs of state, where `--keys` does not say. */
const STATE_KEYS = 5_000_000

try {
  const holds = await main(parseBenchArguments(process.argv.slice(2)))
  process.exitCode = holds ? 0 : 1
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(error.message)
  process.exitCode = 2
}

/** Whether all is as it must be. */
async function main(args: BenchArguments): Promise<boolean> {
  const { settings, rounds, seconds } = args
  const onLine = lineWriter(args.jsonFile, aboutThisMachine(new Date()))
  const needsPeers = args.workloads.length > 0 || args.curves.length > 0
  const peers = needsPeers ? availablePeers(args.peers) : []
  let isFine = args.workloads.length === 0 || (await compareAll(args, peers, onLine))
  for (const bound of boundsOf(args.boundSettings)) {
    if (args.bounds.includes(bound.name) && !(await checkBound(bound))) isFine = false
  }
  if (args.latency.length > 0) {
    const jobs = args.latency as readonly LatencyRunSettings['job'][]
    if (!(await measureLatency(jobs, seconds, onLine))) isFine = false
  }
  for (const curve of args.curves as readonly CurveName[]) {
    if (!(await measureCurve(curve, peers, settings, rounds, onLine))) isFine = false
  }
  const costs: readonly [string, () => Promise<boolean>][] = [
    ['checkpoints', () => measureCheckpointCost(seconds, rounds, onLine, MILLRACE, settings.keys)],
    ['scaling', () => measureScaling(settings.events, rounds, onLine)],
    ['pauses', () => measurePauses(settings.events, rounds, onLine)],
    ...STATE_COSTS.map((name): [string, () => Promise<boolean>] => [
      name,
      () => measureStateCost(name, stateCostSettingsOf(args), rounds, onLine),
    ]),
  ]
  for (const [name, measureCost] of costs) if (args.costs.includes(name) && !(await measureCost())) isFine = false
  return isFine
}

function stateCostSettingsOf({ settings, checkpoints, seconds }: BenchArguments): StateCostSettings {
  return { keys: settings.keys ?? STATE_KEYS, parallelism: settings.parallelism, checkpoints, seconds }
}

async function compareAll(
  { workloads, settings, rounds }: BenchArguments,
  peers: readonly Peer[],
  onLine: OnLine,
): Promise<boolean> {
  const runner = new ComparisonRunner(rounds, onLine)
  console.log(LEGEND)
  const againstFlink: Standing[] = []
  let isFine = true
  for (const workload of workloads) {
    const comparison = await runner.compare(workload, settings, [MILLRACE, ...peers])
    const standings = standingsOf(comparison)
    console.log(renderComparison(comparison, standings))
    if (comparison.failures.length > 0) isFine = false
    const judged = standings.findLast(({ against, goal }) => against.includes('flink') && goal !== undefined)
    if (workload.kind === 'query' && judged !== undefined) againstFlink.push(judged)
  }
  if (againstFlink.length > 0) console.log(renderQueriesMean(againstFlink))
  return isFine
}

/** Says which are left out. */
function availablePeers(groups: readonly string[]): readonly Peer[] {
  return groups.flatMap((group) => {
    const missing = missingFor(group)
    if (missing === undefined) return PEER_GROUPS[group] ?? []
    console.log(`SKIPPED: ${group} needs ${missing}`)
    return []
  })
}
