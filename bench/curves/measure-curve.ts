/** Measures a curve and prints its points. */
import type { FailedRun, Run } from '../comparison.ts'
import { MILLRACE, type Peer } from '../peer.ts'
import { differencesOf, runInTurn, runningCpuSeconds } from '../runs-in-turn.ts'
import { median } from '../statistics.ts'
import { type CurveName, type CurveSettings, pointsOf } from './curve.ts'
import { windowStandingsOf } from './window-standing.ts'

export const CURVE_SUITE = 'curve-'

/** False when a side failed or results differ. RxJS and the loops with maps are left out: the limit is the typed loop, or the only one there is. */
export async function measureCurve(
  curve: CurveName,
  peers: readonly Peer[],
  asked: CurveSettings,
  rounds: number,
  onRun: (run: Run | FailedRun) => void,
): Promise<boolean> {
  console.log(`\ncurve ${curve}: ns of CPU per record, without the start, generator included`)
  let isFine = true
  const all: Run[] = []
  for (const { workload, settings, peers: ofPoint } of pointsOf(curve, asked)) {
    const sides = [MILLRACE, ...peers]
      .filter((peer) => peer.has(workload) && peer.name !== 'rxjs')
      .filter((peer) => ofPoint === undefined || peer === MILLRACE || ofPoint.includes(peer.name))
      // A loop has one thread.
      .filter((peer) => !peer.name.startsWith('loop') || settings.parallelism === 1)
      .filter((peer) => peer.name !== 'loop' || !peers.some(({ name, has }) => name === 'loop-typed' && has(workload)))
      .map((peer) => ({ peer, workload, settings }))
    const results = await runInTurn(`${CURVE_SUITE}${curve}`, sides, rounds, onRun)
    const { events: pointEvents, ...others } = settings
    const where = Object.entries(others).map(([name, value]) => `${name} ${value}`)
    console.log(`  ${workload.name}, ${where.join(', ')}, ${pointEvents} records`)
    for (const { peer, runs, failure } of results) {
      if (failure !== undefined) isFine = false
      all.push(...runs)
      const ns = (median(runs.map(runningCpuSeconds)) / pointEvents) * 1e9
      console.log(
        `    ${peer.name.padEnd(12)} ${failure === undefined ? ns.toFixed(0).padStart(10) : `FAILS: ${failure}`}`,
      )
    }
  }
  for (const one of curve === 'windows' ? windowStandingsOf(all) : []) {
    console.log(
      `  ${one.windows} windows, ${one.liveKeys} live keys: ${one.ratio.toFixed(1)} × the events per CPU second of ` +
        `${one.against}; goal ${one.ratioMin} ×: ${one.verdict}`,
    )
  }
  for (const difference of differencesOf(all)) {
    isFine = false
    console.log(`  FAILS: ${difference}`)
  }
  return isFine
}
