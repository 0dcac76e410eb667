/**
 * npm run bench -- [flags]: compares Millrace with its peers, and checks bounds of its own. README.md lists the flags.
 * Exit status 1 when results differ, a side fails or a bound does not hold; a goal that is not reached is only shown.
 */
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { type BenchArguments, parseBenchArguments, UsageError } from './bench-arguments.ts'
import { boundsOf, checkBound } from './bound.ts'
import { ComparisonRunner, type Run } from './comparison.ts'
import { type Standing, standingsOf } from './goal.ts'
import { MILLRACE, missingFor, PEER_GROUPS, type Peer } from './peer.ts'
import { LEGEND, renderComparison, renderQueriesMean } from './report.ts'

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
  const areEqual = args.workloads.length === 0 || (await compareAll(args))
  let hold = true
  for (const bound of boundsOf(args.boundSettings)) {
    if (args.bounds.includes(bound.name) && !(await checkBound(bound))) hold = false
  }
  return areEqual && hold
}

async function compareAll({ workloads, settings, rounds, peers: groups, jsonFile }: BenchArguments): Promise<boolean> {
  const runs: Run[] = []
  const runner = new ComparisonRunner(rounds, (run) => {
    runs.push(run)
    // Written each time, so that a run that is broken off leaves what it had.
    if (jsonFile !== undefined) writeFileSync(jsonFile, runs.map((one) => `${JSON.stringify(one)}\n`).join(''))
  })
  const peers = availablePeers(groups)
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
