/**
 * How long a job took to come back, phase by phase: told when each phase ends, it keeps the newest recoveries. Durations
 * are by the steady clock. A failure that only a missing heartbeat shows was there before the first phase begins.
 *
 * A recovery is what follows a failure, or a start that restores something. It ends with the first record of its attempt;
 * an attempt that fails before leaves its recovery without an end, and the next one begins anew.
 */
import { NOTHING_RESTORED, type RestoreMeasures } from '../slot/restore-keyed-state.ts'

/** Durations in ms; the phases follow each other. */
export interface RecoveryFacts {
  /** The attempt that it led to; 0 for the first of a process. */
  readonly attempt: number
  /** What was restored; `undefined`: the job began again. */
  readonly checkpointId: number | undefined
  /** Epoch ms: the failure was noticed, or the attempt of a new process began. */
  readonly startedAtMs: number
  /** What ran was ended, and what was being stored was settled. 0 in a new process. */
  readonly cancelMs: number
  /** The delay that the restart strategy asked for. 0 in a new process. */
  readonly delayMs: number
  /** Sinks looked at their targets and committed what the checkpoint had prepared. */
  readonly prepareMs: number
  /** Threads were started, the job was built in them and its connectors opened. */
  readonly deployMs: number
  /** The slot that waited longest for state to be read. */
  readonly readMs: number
  /** The slot that decoded longest. */
  readonly decodeMs: number
  /** From there to the first record; `undefined` while there is none. */
  readonly firstRecordMs: number | undefined
  /** All phases so far. */
  readonly totalMs: number
  /** Of all slots. */
  readonly restoredBytes: number
  readonly restoredKeyGroups: number
}

const RECOVERIES_MAX = 16

type Phase = 'cancelMs' | 'delayMs' | 'prepareMs'

interface Open {
  readonly startedAtMs: number
  readonly startedSteadyMs: number
  lastMarkMs: number
  readonly phases: Record<Phase, number>
}

export class RecoveryClock {
  readonly #now: () => number
  readonly #steadyMs: () => number
  #open: Open | undefined
  readonly #recoveries: RecoveryFacts[] = []

  constructor(clock: { now(): number; monotonicMs(): number }) {
    this.#now = () => clock.now()
    this.#steadyMs = () => clock.monotonicMs()
  }

  /** Oldest first. */
  get recoveries(): readonly RecoveryFacts[] {
    return [...this.#recoveries]
  }

  /** A failure, or the start of a process that may restore. */
  begin(): void {
    const steadyMs = this.#steadyMs()
    this.#open = {
      startedAtMs: this.#now(),
      startedSteadyMs: steadyMs,
      lastMarkMs: steadyMs,
      phases: { cancelMs: 0, delayMs: 0, prepareMs: 0 },
    }
  }

  /** A phase ends now. */
  mark(phase: Phase): void {
    const open = this.#open
    if (open === undefined) return
    open.phases[phase] = this.#take(open)
  }

  /** All slots are ready. `restored`: of each. */
  onReady(attempt: number, checkpointId: number | undefined, restored: readonly RestoreMeasures[]): void {
    const open = this.#open
    if (open === undefined) return
    // A first start that restores nothing is no recovery.
    if (attempt === 0 && checkpointId === undefined) {
      this.#open = undefined
      return
    }
    const most = (of: (each: RestoreMeasures) => number): number => Math.max(0, ...restored.map(of))
    const readMs = most((each) => each.readMs)
    const decodeMs = most((each) => each.decodeMs)
    this.#recoveries.push({
      attempt,
      checkpointId,
      startedAtMs: open.startedAtMs,
      ...open.phases,
      deployMs: Math.max(0, this.#take(open) - readMs - decodeMs),
      readMs,
      decodeMs,
      firstRecordMs: undefined,
      totalMs: open.lastMarkMs - open.startedSteadyMs,
      restoredBytes: restored.reduce((sum, { bytes }) => sum + bytes, NOTHING_RESTORED.bytes),
      restoredKeyGroups: restored.reduce((sum, { keyGroups }) => sum + keyGroups, NOTHING_RESTORED.keyGroups),
    })
    if (this.#recoveries.length > RECOVERIES_MAX) this.#recoveries.shift()
  }

  /** The first one ends the recovery, which is returned; others change nothing. */
  onFirstRecord(): RecoveryFacts | undefined {
    const open = this.#open
    const recovery = this.#recoveries.at(-1)
    if (open === undefined || recovery === undefined) return undefined
    this.#open = undefined
    const firstRecordMs = this.#take(open)
    const ended = { ...recovery, firstRecordMs, totalMs: open.lastMarkMs - open.startedSteadyMs }
    this.#recoveries[this.#recoveries.length - 1] = ended
    return ended
  }

  /** Time since the last mark. */
  #take(open: Open): number {
    const steadyMs = this.#steadyMs()
    const tookMs = steadyMs - open.lastMarkMs
    open.lastMarkMs = steadyMs
    return tookMs
  }
}

/** In one line, for people. */
export function describeRecovery(recovery: RecoveryFacts): string {
  const { checkpointId, firstRecordMs, restoredBytes } = recovery
  const phases = [
    recovery.attempt === 0 ? '' : `ending ${duration(recovery.cancelMs)}`,
    recovery.attempt === 0 ? '' : `delay ${duration(recovery.delayMs)}`,
    `sinks ${duration(recovery.prepareMs)}`,
    `deploying ${duration(recovery.deployMs)}`,
    checkpointId === undefined ? '' : `reading ${duration(recovery.readMs)}`,
    checkpointId === undefined ? '' : `decoding ${duration(recovery.decodeMs)}`,
    firstRecordMs === undefined ? '' : `first record ${duration(firstRecordMs)}`,
  ]
  const from = checkpointId === undefined ? 'from the beginning' : `from checkpoint ${checkpointId}`
  const size = restoredBytes === 0 ? '' : `, ${megabytes(restoredBytes)} of state`
  return `${from} in ${duration(recovery.totalMs)}${size}: ${phases.filter((phase) => phase !== '').join(', ')}`
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

function megabytes(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
