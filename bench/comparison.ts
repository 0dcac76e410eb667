/**
 * Runs a workload on all its sides in turn, A B A B …, so that what else the machine does meets all of them alike, and
 * holds their results against each other.
 */
import { type Measured, measure } from './measured-process.ts'
import type { Peer } from './peer.ts'
import { type Compared, decideCompared, recordsOf, type Workload, type WorkloadSettings } from './workload.ts'

/** One run, as `--json` writes it: the name of the workload is under its kind. */
export interface Run extends Measured {
  readonly peer: string
  readonly shape?: string
  readonly query?: string
  readonly parallelism: number
  readonly events: number
  /** Whether only its records were made. */
  readonly generatorOnly: boolean
  /** What else it was given. */
  readonly keys?: number
  readonly sizeMs?: number
  readonly slideMs?: number
  readonly fields?: number
  readonly eventsPerSecond?: number
  readonly checkpointIntervalMs?: number
  /** What it was measured for; undefined: the comparison. */
  readonly suite?: string
}

/** The line of a run. */
export function runOf(
  measured: Measured,
  peer: Peer,
  { kind, name }: Workload,
  settings: WorkloadSettings,
  more: Pick<Run, 'generatorOnly' | 'suite'>,
): Run {
  const { parallelism, ...others } = settings
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined))
  // What was compared is known here; a process may call itself otherwise.
  return {
    ...measured,
    ...more,
    peer: peer.name,
    [kind]: name,
    parallelism: more.generatorOnly ? 1 : peer.parallelismOf(parallelism),
    ...(given as Pick<WorkloadSettings, 'events'>),
  }
}

export interface ComparedSide {
  readonly peer: Peer
  readonly runs: readonly Run[]
  /** What making the records costs on one thread, without the start of the process. */
  readonly generatorCpuSeconds: number
}

export interface Comparison {
  readonly workload: Workload
  readonly settings: WorkloadSettings
  /** Millrace first. Sides that failed are not among them. */
  readonly sides: readonly ComparedSide[]
  readonly compared: Compared
  /** What went wrong: sides that failed, results that differ. */
  readonly failures: readonly string[]
}

export class ComparisonRunner {
  readonly #rounds: number
  readonly #onRun: (run: Run) => void
  /** By language and records. */
  readonly #generatorCpuSeconds = new Map<string, number>()

  /** `onRun` is called after each run, those of generators too. */
  constructor(rounds: number, onRun: (run: Run) => void) {
    this.#rounds = rounds
    this.#onRun = onRun
  }

  async compare(workload: Workload, settings: WorkloadSettings, peers: readonly Peer[]): Promise<Comparison> {
    const sides: { peer: Peer; runs: Run[]; generatorCpuSeconds: number }[] = []
    const failures: string[] = []
    for (const peer of peers) {
      if (!peer.has(workload)) continue
      const generatorCpuSeconds = await this.#generatorCost(workload, settings, peer).catch((error: unknown) => {
        failures.push(`${peer.name}: ${messageOf(error)}`)
        return undefined
      })
      if (generatorCpuSeconds !== undefined) sides.push({ peer, runs: [], generatorCpuSeconds })
    }
    const failed = new Set<Peer>()
    for (const { peer } of sides) await warmUp(peer, workload, settings)
    for (let round = 0; round < this.#rounds; round++) {
      for (const { peer, runs } of sides) {
        if (failed.has(peer)) continue
        try {
          const measured = await measure(peer.command(workload, settings))
          runs.push(this.#took(measured, workload, settings, peer, false))
        } catch (error) {
          failed.add(peer)
          failures.push(`${peer.name}: ${messageOf(error)}`)
        }
      }
    }
    const whole = sides.filter(({ peer }) => !failed.has(peer))
    const compared = decideCompared(workload, settings.parallelism)
    const difference = describeDifference(whole, compared)
    if (difference !== undefined) failures.push(difference)
    return { workload, settings, sides: whole, compared, failures }
  }

  async #generatorCost(workload: Workload, settings: WorkloadSettings, peer: Peer): Promise<number> {
    const key = `${peer.language} ${recordsOf(workload)}`
    const known = this.#generatorCpuSeconds.get(key)
    if (known !== undefined) return known
    const measured = await measure(peer.generatorCommand(workload, settings))
    const cpuSeconds = measured.cpuSeconds - measured.setupCpuSeconds
    this.#generatorCpuSeconds.set(key, cpuSeconds)
    this.#took(measured, workload, settings, peer, true)
    return cpuSeconds
  }

  #took(measured: Measured, workload: Workload, settings: WorkloadSettings, peer: Peer, generatorOnly: boolean): Run {
    const run = runOf(measured, peer, workload, settings, { generatorOnly })
    this.#onRun(run)
    return run
  }
}

/** Node keeps what it compiled of the sources, which is a build's work and not a run's. */
export async function warmUp(peer: Peer, workload: Workload, settings: WorkloadSettings): Promise<void> {
  if (peer.language !== 'typescript') return
  // What fails here fails in its run too, where it is reported.
  await measure(peer.command(workload, { ...settings, events: 1_000 })).catch(() => {})
}

/** Undefined when all runs of all sides gave the same. */
export function describeDifference(sides: readonly ComparedSide[], compared: Compared): string | undefined {
  if (compared === 'nothing') return undefined
  const results = sides.map(({ peer, runs }) => {
    const all = new Set(
      runs.map(({ outputs, digest }) => (compared === 'rows' ? `${outputs}` : `${outputs} ${digest}`)),
    )
    return { name: peer.name, result: [...all].join(', ') }
  })
  if (new Set(results.map(({ result }) => result)).size <= 1 && !results.some(({ result }) => result.includes(','))) {
    return undefined
  }
  return `results differ: ${results.map(({ name, result }) => `${name} ${result}`).join('; ')}`
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
