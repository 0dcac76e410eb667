/** Makes comparisons of the lines of a session again, as they were when they were measured. */
import { type ComparedSide, type Comparison, describeDifference, type Run } from '../comparison.ts'
import { MILLRACE, PEER_GROUPS, type Peer } from '../peer.ts'
import { decideCompared, recordsOf, type Workload, type WorkloadSettings } from '../workload.ts'

export const PEERS: ReadonlyMap<string, Peer> = new Map(
  [MILLRACE, ...Object.values(PEER_GROUPS).flat()].map((peer) => [peer.name, peer]),
)

/** One for each workload, in the order of its first run. One session has one set of settings. */
export function comparisonsOf(runs: readonly Run[]): readonly Comparison[] {
  const compared = runs.filter(({ suite }) => suite === undefined)
  const generators = new Map(
    compared
      .filter(({ generatorOnly }) => generatorOnly)
      .map((run) => [generatorKey(peerOf(run), workloadOf(run)), run]),
  )
  const byWorkload = Map.groupBy(
    compared.filter(({ generatorOnly }) => !generatorOnly),
    (run) => `${workloadOf(run).kind} ${workloadOf(run).name}`,
  )
  return [...byWorkload.values()].map((own) => comparisonOf(own, generators))
}

function comparisonOf(runs: readonly Run[], generators: ReadonlyMap<string, Run>): Comparison {
  const [first] = runs as readonly [Run]
  const workload = workloadOf(first)
  const sides = [...Map.groupBy(runs, ({ peer }) => peer).values()].map((own): ComparedSide => {
    const peer = peerOf(own[0] as Run)
    const generator = generators.get(generatorKey(peer, workload))
    // Not in the file: unknown, and so is the net figure.
    const generatorCpuSeconds = generator ? generator.cpuSeconds - generator.setupCpuSeconds : Number.NaN
    return { peer, runs: own, generatorCpuSeconds }
  })
  const rounds = Math.max(...sides.map((side) => side.runs.length))
  const whole = sides.filter((side) => side.runs.length === rounds)
  const failures = sides
    .filter((side) => !whole.includes(side))
    .map((side) => `${side.peer.name} has ${side.runs.length} of ${rounds} runs`)
  const settings = settingsOf(first)
  const compared = decideCompared(workload, settings.parallelism)
  const difference = describeDifference(whole, compared)
  if (difference !== undefined) failures.push(difference)
  return { workload, settings, sides: whole, compared, failures }
}

export function workloadOf({ shape, query }: Run): Workload {
  return shape === undefined ? { kind: 'query', name: query as string } : { kind: 'shape', name: shape }
}

/** Of Millrace's run, since loops have a parallelism of their own. */
function settingsOf({ events, parallelism, keys, sizeMs, slideMs, fields, eventsPerSecond }: Run): WorkloadSettings {
  return { events, parallelism, eventsPerSecond, keys, sizeMs, slideMs, fields }
}

/** Reading the lines refused others. */
function peerOf({ peer }: Run): Peer {
  return PEERS.get(peer) as Peer
}

function generatorKey(peer: Peer, workload: Workload): string {
  return `${peer.language} ${recordsOf(workload)}`
}
