/** Makes comparisons of the lines of a session again, as they were when they were measured. */
import {
  type ComparedSide,
  type Comparison,
  describeDifference,
  type FailedRun,
  type Run,
  resultsOf,
} from '../comparison.ts'
import { MILLRACE, PEER_GROUPS, type Peer } from '../peer.ts'
import { runningCpuSeconds, workloadOf } from '../runs-in-turn.ts'
import { decideCompared, recordsOf, type Workload, type WorkloadSettings } from '../workload.ts'

export const PEERS: ReadonlyMap<string, Peer> = new Map(
  [MILLRACE, ...Object.values(PEER_GROUPS).flat()].map((peer) => [peer.name, peer]),
)

/** One for each workload, in the order of its first line. One session has one set of settings. */
export function comparisonsOf(runs: readonly Run[], failed: readonly FailedRun[]): readonly Comparison[] {
  const compared = runs.filter(({ suite }) => suite === undefined)
  const generators = Map.groupBy(
    compared.filter(({ generatorOnly }) => generatorOnly),
    (run) => generatorKey(peerOf(run), workloadOf(run)),
  )
  const whole = compared.filter(({ generatorOnly }) => !generatorOnly)
  const failures = failed.filter(({ suite }) => suite === undefined)
  const byWorkload = Map.groupBy([...whole, ...failures], (run) => `${workloadOf(run).kind} ${workloadOf(run).name}`)
  return [...byWorkload.values()].map((own) =>
    comparisonOf(
      own.filter((run): run is Run => !('failure' in run)),
      own.filter((run): run is FailedRun => 'failure' in run),
      generators,
    ),
  )
}

function comparisonOf(
  runs: readonly Run[],
  failed: readonly FailedRun[],
  generators: ReadonlyMap<string, readonly Run[]>,
): Comparison {
  const [first] = [...runs, ...failed] as [Run | FailedRun]
  const workload = workloadOf(first)
  const sides = [...Map.groupBy(runs, ({ peer }) => peer).values()].map((own): ComparedSide => {
    const peer = peerOf(own[0] as Run)
    const ofGenerator = generators.get(generatorKey(peer, workload)) ?? []
    return { peer, runs: own, generatorCpuSeconds: ofGenerator.map(runningCpuSeconds) }
  })
  const rounds = Math.max(...sides.map((side) => side.runs.length))
  const hasFailed = ({ peer }: ComparedSide): boolean => failed.some((run) => run.peer === peer.name)
  const whole = sides.filter((side) => side.runs.length === rounds && !hasFailed(side))
  const failures = [
    ...failed.map((run) => `${run.peer}: ${run.failure}`),
    ...sides
      .filter((side) => !whole.includes(side) && !hasFailed(side))
      .map((side) => `${side.peer.name} has ${side.runs.length} of ${rounds} runs`),
  ]
  const settings = settingsOf(first)
  const compared = decideCompared(workload, settings.parallelism)
  const difference = describeDifference(resultsOf(whole), compared)
  if (difference !== undefined) failures.push(difference)
  return { workload, settings, sides: whole, compared, failures }
}

/** Of Millrace's run, since loops have a parallelism of their own. */
function settingsOf({
  events,
  parallelism,
  keys,
  sizeMs,
  slideMs,
  fields,
  skew,
  eventsPerSecond,
}: Run | FailedRun): WorkloadSettings {
  return { events, parallelism, eventsPerSecond, keys, sizeMs, slideMs, fields, skew }
}

/** Reading the lines refused others. */
function peerOf({ peer }: Run): Peer {
  return PEERS.get(peer) as Peer
}

function generatorKey(peer: Peer, workload: Workload): string {
  return `${peer.language} ${recordsOf(workload)}`
}
