/** Runs of several sides in turn, A B A B …, so that what else the machine does meets all of them alike; for suites whose sides differ in settings. */
import { describeDifference, type FailedRun, failedRunOf, type Run, runOf, warmUp } from './comparison.ts'
import { measure } from './measured-process.ts'
import type { Peer } from './peer.ts'
import { decideCompared, type Workload, type WorkloadSettings } from './workload.ts'

export interface Side {
  readonly peer: Peer
  readonly workload: Workload
  readonly settings: WorkloadSettings
}

export interface SideRuns extends Side {
  /** Empty when it failed. */
  readonly runs: readonly Run[]
  readonly failure: string | undefined
}

/** `suite` goes into the lines, those of failures too. A side that fails once is not run again. */
export async function runInTurn(
  suite: string,
  sides: readonly Side[],
  rounds: number,
  onRun: (run: Run | FailedRun) => void,
): Promise<readonly SideRuns[]> {
  const all = sides.map((side) => ({ ...side, runs: [] as Run[], failure: undefined as string | undefined }))
  for (const { peer, workload, settings } of all) await warmUp(peer, workload, settings)
  for (let round = 0; round < rounds; round++) {
    for (const side of all) {
      if (side.failure !== undefined) continue
      const { peer, workload, settings } = side
      try {
        const measured = await measure(peer.command(workload, settings))
        const run = runOf(measured, peer, workload, settings, { generatorOnly: false, suite })
        side.runs.push(run)
        onRun(run)
      } catch (error) {
        const failed = failedRunOf(error, peer, workload, settings, { generatorOnly: false, suite })
        side.failure = `${peer.name} ${workload.name}: ${failed.failure}`
        side.runs.length = 0
        onRun(failed)
      }
    }
  }
  return all
}

/**
 * How results differ that must be equal: those of runs of one workload on the same records, whatever side, parallelism and checkpoints
 * they had.
 */
export function differencesOf(runs: readonly Run[]): readonly string[] {
  return [...Map.groupBy(runs, recordsKeyOf).values()].flatMap((onSameRecords) => {
    const byParallelism = [...Map.groupBy(onSameRecords, ({ parallelism }) => parallelism).values()]
    // What has one answer at parallelism 1 only is held against more slots by the number of its rows.
    const groups = byParallelism.length > 1 ? [...byParallelism, onSameRecords] : byParallelism
    const found = groups.map((own) => {
      const sides = [...Map.groupBy(own, sideNameOf)].map(([name, ofSide]) => ({ name, runs: ofSide }))
      const parallelismMax = Math.max(...own.map(({ parallelism }) => parallelism))
      return describeDifference(sides, decideCompared(workloadOf(own[0] as Run), parallelismMax))
    })
    const [first] = onSameRecords as [Run]
    return found.flatMap((one) =>
      one === undefined ? [] : [`${workloadOf(first).name}, ${first.events} events: ${one}`],
    )
  })
}

function recordsKeyOf({ shape, query, events, keys, sizeMs, slideMs, fields, skew, eventsPerSecond }: Run): string {
  return JSON.stringify([shape, query, events, keys, sizeMs, slideMs, fields, skew, eventsPerSecond])
}

function sideNameOf({ peer, parallelism, checkpointIntervalMs }: Run): string {
  const more = checkpointIntervalMs === undefined ? '' : ` with a checkpoint interval of ${checkpointIntervalMs} ms`
  return `${peer}${parallelism === 1 ? '' : ` in ${parallelism} slots`}${more}`
}

export function workloadOf({ shape, query }: Pick<Run, 'shape' | 'query'>): Workload {
  return shape === undefined ? { kind: 'query', name: query as string } : { kind: 'shape', name: shape }
}

/** CPU time of a run without the start of its process. */
export function runningCpuSeconds({
  cpuSeconds,
  setupCpuSeconds,
}: Pick<Run, 'cpuSeconds' | 'setupCpuSeconds'>): number {
  return cpuSeconds - setupCpuSeconds
}

/** Wall time of a run without the start of its process, where the side tells when that was over. */
export function runningWallSeconds({
  wallSeconds,
  setupWallSeconds = 0,
}: Pick<Run, 'wallSeconds' | 'setupWallSeconds'>): number {
  return wallSeconds - setupWallSeconds
}
