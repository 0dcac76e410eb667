/** Runs of several sides in turn, A B A B …, so that what else the machine does meets all of them alike; for suites whose sides differ in settings. */
import { messageOf, type Run, runOf, warmUp } from './comparison.ts'
import { measure } from './measured-process.ts'
import type { Peer } from './peer.ts'
import type { Workload, WorkloadSettings } from './workload.ts'

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

/** `suite` goes into the lines. A side that fails once is not run again. */
export async function runInTurn(
  suite: string,
  sides: readonly Side[],
  rounds: number,
  onRun: (run: Run) => void,
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
        side.failure = `${peer.name} ${workload.name}: ${messageOf(error)}`
        side.runs.length = 0
      }
    }
  }
  return all
}

/** CPU time of a run without the start of its process. */
export function runningCpuSeconds({ cpuSeconds, setupCpuSeconds }: Run): number {
  return cpuSeconds - setupCpuSeconds
}

/** Wall time of a run without the start of its process, where the side tells when that was over. */
export function runningWallSeconds({ wallSeconds, setupWallSeconds = 0 }: Run): number {
  return wallSeconds - setupWallSeconds
}
