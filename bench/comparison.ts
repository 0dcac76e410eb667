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
  readonly skew?: number
  readonly eventsPerSecond?: number
  readonly checkpointIntervalMs?: number
  /** What two threads that only count got done against one just before, where wall time matters. */
  readonly freeCores?: number
  /** What it was measured for; undefined: the comparison. */
  readonly suite?: string
}

/** A run that failed, as `--json` writes it. */
export interface FailedRun extends Omit<Run, keyof Measured> {
  readonly failure: string
}

/** The line of a run. What was compared is known here; a process may call itself otherwise. */
export function runOf(measured: Measured, ...whatOf: Parameters<typeof describeRun>): Run {
  return { ...measured, ...describeRun(...whatOf) }
}

/** The line of a run that failed. */
export function failedRunOf(error: unknown, ...whatOf: Parameters<typeof describeRun>): FailedRun {
  return { failure: messageOf(error), ...describeRun(...whatOf) }
}

function describeRun(
  peer: Peer,
  { kind, name }: Workload,
  settings: WorkloadSettings,
  more: Pick<Run, 'generatorOnly' | 'suite'>,
): Omit<Run, keyof Measured> {
  const { parallelism, ...others } = settings
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined))
  return {
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
  /** What making the records costs on one thread, without the start of the process, of each run of it; empty: unknown. */
  readonly generatorCpuSeconds: readonly number[]
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
  readonly #onRun: (run: Run | FailedRun) => void
  /** By language and records. */
  readonly #generatorCpuSeconds = new Map<string, readonly number[]>()

  /** `onRun` is called after each run, those of generators and those that failed too. */
  constructor(rounds: number, onRun: (run: Run | FailedRun) => void) {
    this.#rounds = rounds
    this.#onRun = onRun
  }

  async compare(workload: Workload, settings: WorkloadSettings, peers: readonly Peer[]): Promise<Comparison> {
    const sides: { peer: Peer; runs: Run[]; generatorCpuSeconds: readonly number[] }[] = []
    const failures: string[] = []
    for (const peer of peers) {
      if (!peer.has(workload)) continue
      const generatorCpuSeconds = await this.#generatorCost(workload, settings, peer).catch((error: unknown) => {
        failures.push(this.#failed(error, workload, settings, peer, true))
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
          failures.push(this.#failed(error, workload, settings, peer, false))
        }
      }
    }
    const whole = sides.filter(({ peer }) => !failed.has(peer))
    const compared = decideCompared(workload, settings.parallelism)
    const difference = describeDifference(resultsOf(whole), compared)
    if (difference !== undefined) failures.push(difference)
    return { workload, settings, sides: whole, compared, failures }
  }

  async #generatorCost(workload: Workload, settings: WorkloadSettings, peer: Peer): Promise<readonly number[]> {
    const key = `${peer.language} ${recordsOf(workload)}`
    const known = this.#generatorCpuSeconds.get(key)
    if (known !== undefined) return known
    const all: number[] = []
    while (all.length < this.#rounds) {
      const measured = await measure(peer.generatorCommand(workload, settings))
      all.push(measured.cpuSeconds - measured.setupCpuSeconds)
      this.#took(measured, workload, settings, peer, true)
    }
    this.#generatorCpuSeconds.set(key, all)
    return all
  }

  #took(measured: Measured, workload: Workload, settings: WorkloadSettings, peer: Peer, generatorOnly: boolean): Run {
    const run = runOf(measured, peer, workload, settings, { generatorOnly })
    this.#onRun(run)
    return run
  }

  /** Gives the message. */
  #failed(error: unknown, workload: Workload, settings: WorkloadSettings, peer: Peer, generatorOnly: boolean): string {
    const failed = failedRunOf(error, peer, workload, settings, { generatorOnly })
    this.#onRun(failed)
    return `${peer.name}: ${failed.failure}`
  }
}

/** Node keeps what it compiled of the sources, which is a build's work and not a run's. */
export async function warmUp(peer: Peer, workload: Workload, settings: WorkloadSettings): Promise<void> {
  if (peer.language !== 'typescript') return
  // What fails here fails in its run too, where it is reported.
  await measure(peer.command(workload, { ...settings, events: 1_000 })).catch(() => {})
}

/** Runs that must have one result, under a name for messages. */
export interface NamedResults {
  readonly name: string
  readonly runs: readonly Pick<Run, 'outputs' | 'digest'>[]
}

export function resultsOf(sides: readonly ComparedSide[]): readonly NamedResults[] {
  return sides.map(({ peer, runs }) => ({ name: peer.name, runs }))
}

/** Undefined when all runs of all sides gave the same. */
export function describeDifference(sides: readonly NamedResults[], compared: Compared): string | undefined {
  if (compared === 'nothing') return undefined
  const results = sides.map(({ name, runs }) => {
    const all = new Set(
      runs.map(({ outputs, digest }) => (compared === 'rows' ? `${outputs}` : `${outputs} ${digest}`)),
    )
    return { name, result: [...all].join(', ') }
  })
  if (new Set(results.map(({ result }) => result)).size <= 1 && !results.some(({ result }) => result.includes(','))) {
    return undefined
  }
  return `results differ: ${results.map(({ name, result }) => `${name} ${result}`).join('; ')}`
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
