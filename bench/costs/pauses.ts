/**
 * Pauses for garbage collection with a million live keys, as V8 itself traces them for every isolate of the process
 * (`--trace-gc`), so those of the slots' threads are there and nothing of the job is changed. A step of incremental marking is a pause
 * too, and counts.
 */
import { messageOf } from '../comparison.ts'
import { type Command, type Measured, outputOf } from '../measured-process.ts'
import { MILLRACE, type Peer } from '../peer.ts'
import type { WorkloadSettings } from '../workload.ts'

export const PAUSE_MS_MAX = 50

/** One run. Times are of the slots' threads together. */
export interface PauseRun {
  readonly pauses: string
  readonly events: number
  readonly keys: number
  readonly wallSeconds: number
  readonly scavenges: number
  readonly scavengeMsMax: number
  readonly markCompacts: number
  readonly markCompactMsMax: number
  readonly totalMs: number
}

/** A run that failed. */
export interface FailedPauses extends Pick<PauseRun, 'pauses' | 'events' | 'keys'> {
  readonly failure: string
}

const KEYS = 1_000_000
const JOBS: readonly { readonly shape: string; readonly more: Partial<WorkloadSettings> }[] = [
  { shape: 'running-sum', more: {} },
  // A window has two records of each key.
  { shape: 'keyed-tumbling', more: { sizeMs: 200_000 } },
]

/** False when a run failed. `peer` is for tests. */
export async function measurePauses(
  events: number,
  rounds: number,
  onRun: (run: PauseRun | FailedPauses) => void,
  peer: Peer = MILLRACE,
): Promise<boolean> {
  let isFine = true
  console.log(`\npauses for garbage collection, ${KEYS} keys, ${(events / 1e6).toFixed(1)} M records`)
  for (const { shape, more } of JOBS) {
    for (let round = 0; round < rounds; round++) {
      const label = { pauses: shape, events, keys: KEYS }
      let run: PauseRun
      try {
        const command = peer.command({ kind: 'shape', name: shape }, { events, parallelism: 1, keys: KEYS, ...more })
        const { traces, measured } = splitOutput(await outputOf(traced(command)))
        run = { ...label, wallSeconds: measured.wallSeconds, ...pausesOfSlots(traces) }
      } catch (error) {
        const failed = { failure: messageOf(error), ...label }
        onRun(failed)
        console.log(`  ${shape.padEnd(16)} FAILS: ${failed.failure}`)
        isFine = false
        continue
      }
      onRun(run)
      const longest = Math.max(run.scavengeMsMax, run.markCompactMsMax)
      console.log(
        `  ${shape.padEnd(16)} longest ${longest.toFixed(1)} ms; ${run.scavenges} scavenges up to ${run.scavengeMsMax.toFixed(1)} ms, ` +
          `${run.markCompacts} mark-compacts up to ${run.markCompactMsMax.toFixed(1)} ms, ${run.totalMs.toFixed(0)} ms of ` +
          `${run.wallSeconds.toFixed(1)} s; goal at most ${PAUSE_MS_MAX} ms: ${longest <= PAUSE_MS_MAX ? 'reached' : 'NOT reached'}`,
      )
    }
  }
  return isFine
}

function traced({ command, args }: Command): Command {
  return { command, args: ['--trace-gc', ...args] }
}

function splitOutput(output: string): { readonly traces: readonly string[]; readonly measured: Measured } {
  const lines = output.split('\n').filter((line) => line !== '')
  const measured = lines.find((line) => line.startsWith('{'))
  if (measured === undefined) throw new Error('The traced run printed no measurement')
  return { traces: lines.filter((line) => line !== measured), measured: JSON.parse(measured) as Measured }
}

const TRACE = /^\[\d+:(0x[0-9a-f]+)\]\s+\d+ ms: (Scavenge|Mark-Compact).*?\s([\d.]+) \/ [\d.]+ ms/
const BIGGEST_STEP = /biggest step ([\d.]+) ms/

/** Of all isolates but the main thread's, which is the first to trace. Throws when V8 traces in another form. */
export function pausesOfSlots(traces: readonly string[]): Omit<PauseRun, 'pauses' | 'events' | 'keys' | 'wallSeconds'> {
  const pauses = traces.map((line) => {
    const [, isolate, kind, ms] = TRACE.exec(line) ?? []
    if (isolate === undefined) throw new Error(`Not a trace of a garbage collection: ${line}`)
    return { isolate, kind, ms: Number(ms), stepMs: Number(BIGGEST_STEP.exec(line)?.[1] ?? 0) }
  })
  const ofSlots = pauses.filter(({ isolate }) => isolate !== pauses[0]?.isolate)
  const scavenges = ofSlots.filter(({ kind }) => kind === 'Scavenge')
  const markCompacts = ofSlots.filter(({ kind }) => kind === 'Mark-Compact')
  return {
    scavenges: scavenges.length,
    scavengeMsMax: Math.max(0, ...scavenges.map(({ ms }) => ms)),
    markCompacts: markCompacts.length,
    markCompactMsMax: Math.max(0, ...markCompacts.map(({ ms, stepMs }) => Math.max(ms, stepMs))),
    totalMs: ofSlots.reduce((sum, { ms }) => sum + ms, 0),
  }
}
